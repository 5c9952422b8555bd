auth "machines" {
  type        = "approle"
  description = "machines"

  tune {
    default_lease_ttl = "30m"
    max_lease_ttl     = "2h"
  }
}
