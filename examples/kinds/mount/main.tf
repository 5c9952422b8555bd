terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "secrets" {
  path        = "secrets"
  type        = "kv"
  options     = { version = "2" }
  description = "Secrets of the shop"
}

resource "vault_mount" "keys" {
  path                        = "keys"
  type                        = "transit"
  default_lease_ttl_seconds   = 3600
  max_lease_ttl_seconds       = 86400
  audit_non_hmac_request_keys = ["context"]
}
