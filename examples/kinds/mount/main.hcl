mount "secrets" {
  type        = "kv"
  options     = { version = "2" }
  description = "Secrets of the shop"
}

mount "keys" {
  type                        = "transit"
  default_lease_ttl_seconds   = "1h"
  max_lease_ttl_seconds       = "24h"
  audit_non_hmac_request_keys = ["context"]
}
