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
  token_policies = ["app-read"]
  token_ttl      = 1200
}

resource "vault_approle_auth_backend_role_secret_id" "web" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
}

resource "vault_approle_auth_backend_login" "web" {
  backend   = vault_auth_backend.machines.path
  role_id   = vault_approle_auth_backend_role.web.role_id
  secret_id = vault_approle_auth_backend_role_secret_id.web.secret_id
}
