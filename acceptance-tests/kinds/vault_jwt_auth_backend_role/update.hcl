auth "ci" {
  type        = "jwt"
  description = "CI jobs"

  config {
    bound_issuer           = "https://ci.example.com"
    jwt_validation_pubkeys = [
      <<-EOT
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER8+BBdPHfvEDfQ6Ux2fQmxdEpzAW
      ouhPXYDdHRrkuzT7KE3WsULyTZtP9JcQCg40Ahv5WrwIluOcTP+vXL0Yww==
      -----END PUBLIC KEY-----
      EOT
    ]
  }

  role "deploy" {
    role_type       = "jwt"
    user_claim      = "sub"
    bound_audiences = ["lockstep", "other"]
    bound_claims    = { project = "shop,bank" }
    token_policies  = ["app", "ops"]
    token_ttl       = "10m"

    callback_mode   = "device"
    oauth2_metadata = ["access_token", "id_token"]
    poll_interval   = 9
  }
}
