resource "vault_mount" "test" {
  path                      = "teams/kv"
  type                      = "kv"
  options                   = { version = "2", team = "one", room = "7" }
  description               = "secrets of the teams"
  default_lease_ttl_seconds = 3600
  max_lease_ttl_seconds     = 7200
}
