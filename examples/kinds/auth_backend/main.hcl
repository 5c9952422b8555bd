auth "machines" {
  type        = "approle"
  description = "Machines of the data center"

  tune {
    default_lease_ttl  = "30m"
    max_lease_ttl      = "2h"
    listing_visibility = "hidden"
  }
}
