terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_auth_backend" "machines" {
  type = "approle"
  path = "machines"
}

resource "vault_approle_auth_backend_role" "web" {
  backend        = vault_auth_backend.machines.path
  role_name      = "web"
  token_policies = ["web"]
}

data "vault_approle_auth_backend_role_id" "web" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
}
