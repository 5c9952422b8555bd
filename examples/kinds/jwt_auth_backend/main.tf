terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_jwt_auth_backend" "ci" {
  path        = "ci"
  description = "Jobs of the CI system"
  jwt_validation_pubkeys = [
    <<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER8+BBdPHfvEDfQ6Ux2fQmxdEpzAW
    ouhPXYDdHRrkuzT7KE3WsULyTZtP9JcQCg40Ahv5WrwIluOcTP+vXL0Yww==
    -----END PUBLIC KEY-----
    EOT
  ]
  bound_issuer = "https://ci.example.com"
  default_role = "deploy"

  tune {
    default_lease_ttl = "15m"
    max_lease_ttl     = "1h"
  }
}
