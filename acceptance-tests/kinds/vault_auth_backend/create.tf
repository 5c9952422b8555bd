resource "vault_auth_backend" "test" {
  path        = "machines"
  type        = "approle"
  description = "machines"
  options     = { team = "machines", room = "7" }
  seal_wrap   = true
  user_lockout {
    threshold = 3
    duration  = "10m"
  }
  tune {
    default_lease_ttl = "30m"
    max_lease_ttl     = "2h"
  }
}
