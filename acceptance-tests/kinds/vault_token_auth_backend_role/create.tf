resource "vault_token_auth_backend_role" "test" {
  role_name        = "deploy"
  allowed_policies = ["app", "ops"]
  orphan           = true
  token_period     = 3600
  renewable        = true
  path_suffix      = "ci-jobs"
}
