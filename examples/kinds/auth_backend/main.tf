terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_auth_backend" "machines" {
  type        = "approle"
  path        = "machines"
  description = "Machines of the data center"

  tune {
    default_lease_ttl  = "30m"
    max_lease_ttl      = "2h"
    listing_visibility = "hidden"
  }
}
