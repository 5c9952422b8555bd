resource "vault_auth_backend" "test" {
  path        = "machines"
  type        = "approle"
  description = "machines"
  tune {
    default_lease_ttl = "30m"
    max_lease_ttl     = "2h"
  }
}
