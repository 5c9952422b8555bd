path "kv/data/app/*" {
  capabilities = ["create", "read", "update"]
}
