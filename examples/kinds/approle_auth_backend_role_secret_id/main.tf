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

resource "vault_approle_auth_backend_role_secret_id" "web_1" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
  cidr_list = ["10.1.2.3/32"]
  metadata  = jsonencode({ host = "web-1" })
}

# Wrapped: the state holds a wrapping token, which is good for one use.
resource "vault_approle_auth_backend_role_secret_id" "web_2" {
  backend      = vault_auth_backend.machines.path
  role_name    = vault_approle_auth_backend_role.web.role_name
  wrapping_ttl = "30m"
}
