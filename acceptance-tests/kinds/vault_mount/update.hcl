mount "teams/kv" {
  type                      = "kv"
  options                   = { version = "2", team = "two" }
  description               = "secrets of all teams"
  default_lease_ttl_seconds = "30m"
  max_lease_ttl_seconds     = "2h"
}
