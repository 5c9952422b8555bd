auth "machines" {
  type        = "approle"
  description = "all machines"

  tune {
    default_lease_ttl  = "20m"
    max_lease_ttl      = "2h"
    listing_visibility = "unauth"
  }
}
