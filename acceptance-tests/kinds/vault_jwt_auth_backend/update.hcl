auth "ci" {
  type        = "jwt"
  description = "all CI jobs"

  config {
    bound_issuer           = "https://ci2.example.com"
    jwt_validation_pubkeys = [
      <<-EOT
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER8+BBdPHfvEDfQ6Ux2fQmxdEpzAW
      ouhPXYDdHRrkuzT7KE3WsULyTZtP9JcQCg40Ahv5WrwIluOcTP+vXL0Yww==
      -----END PUBLIC KEY-----
      EOT
    ]
  }
}
