path "a/+/b*" {
  capabilities = ["read", "list"]
  allowed_parameters = { x = ["1", "a*"] }
  min_wrapping_ttl = "1s"
}
path "{{identity.entity.id}}/*" {
  policy = "write"
  expiration = "2030-01-01T00:00:00Z"
}
