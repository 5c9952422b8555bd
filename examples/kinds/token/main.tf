terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

# The state holds the token. Where it need not, use the ephemeral resource of the same name.
resource "vault_token" "backup" {
  display_name = "backup"
  policies     = ["backup"]
  no_parent    = true
  period       = "24h"

  # A run renews the token when less than six hours are left.
  renew_min_lease = 21600
  renew_increment = 86400

  metadata = {
    purpose = "nightly backup"
  }
}
