resource "vault_token_auth_backend_role" "test" {
  role_name           = "deploy"
  allowed_policies    = ["app"]
  disallowed_policies = ["root-like"]
  orphan              = true
  token_period        = 7200
  renewable           = true
  path_suffix         = "ci-jobs"
}
