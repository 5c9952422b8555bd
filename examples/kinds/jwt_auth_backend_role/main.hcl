auth "ci" {
  type = "jwt"

  config {
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
    role_type         = "jwt"
    user_claim        = "sub"
    bound_audiences   = ["vault"]
    bound_claims_type = "glob"
    bound_claims = {
      project = "shop"
      ref     = "refs/tags/*,refs/heads/main"
    }
    token_policies = ["app-read"]
    token_ttl      = "20m"
  }
}
