resource "vault_mount" "test" {
  path                      = "teams/kv"
  type                      = "kv"
  options                   = { version = "2", team = "two" }
  description               = "secrets of all teams"
  default_lease_ttl_seconds = 1800
  max_lease_ttl_seconds     = 7200
}
