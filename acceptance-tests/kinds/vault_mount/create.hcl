mount "teams/kv" {
  type                      = "kv"
  options                   = { version = "2", team = "one", room = "7" }
  description               = "secrets of the teams"
  default_lease_ttl_seconds = "1h"
  max_lease_ttl_seconds     = "2h"
}
