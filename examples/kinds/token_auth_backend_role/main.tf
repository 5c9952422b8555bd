terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_token_auth_backend_role" "deploy" {
  role_name           = "deploy"
  allowed_policies    = ["deploy", "app-read"]
  disallowed_policies = ["default"]
  orphan              = true
  token_period        = 3600
  path_suffix         = "deploys"
}
