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
    bound_audiences = ["lockstep"]
    bound_claims    = { project = "shop" }
    token_policies  = ["app"]
    token_ttl       = "20m"

    callback_mode             = "direct"
    oauth2_metadata           = ["id_token"]
    oidc_disable_confirmation = true
    poll_interval             = 7
    token_strictly_bind_ip    = true
  }
}
