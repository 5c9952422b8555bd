resource "vault_mount" "flat" {
  path = "flat"
  type = "kv"
}

resource "vault_generic_secret" "test" {
  path      = "${vault_mount.flat.path}/mail"
  data_json = jsonencode({ host = "a.example.com" })
}
