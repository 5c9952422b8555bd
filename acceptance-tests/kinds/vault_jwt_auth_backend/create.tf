resource "vault_jwt_auth_backend" "test" {
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
