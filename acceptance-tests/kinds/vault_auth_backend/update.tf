resource "vault_auth_backend" "test" {
  path        = "machines"
  type        = "approle"
  description = "all machines"
  options     = { team = "all" }
  seal_wrap   = true
  user_lockout {
    threshold = 4
    duration  = "10m"
  }
  tune {
    default_lease_ttl  = "20m"
    max_lease_ttl      = "2h"
    listing_visibility = "unauth"
  }
}
