resource "vault_jwt_auth_backend" "ci" {
  path                   = "ci"
  type                   = "jwt"
  description            = "CI jobs"
  bound_issuer           = "https://ci.example.com"
  jwt_validation_pubkeys = [chomp(<<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER8+BBdPHfvEDfQ6Ux2fQmxdEpzAW
    ouhPXYDdHRrkuzT7KE3WsULyTZtP9JcQCg40Ahv5WrwIluOcTP+vXL0Yww==
    -----END PUBLIC KEY-----
  EOT
  )]
}

resource "vault_jwt_auth_backend_role" "test" {
  backend         = vault_jwt_auth_backend.ci.path
  role_name       = "deploy"
  role_type       = "jwt"
  user_claim      = "sub"
  bound_audiences = ["lockstep", "other"]
  bound_claims    = { project = "shop,bank" }
  token_policies  = ["app", "ops"]
  token_ttl       = 600

  callback_mode   = "device"
  oauth2_metadata = ["access_token", "id_token"]
  poll_interval   = 9
}
