resource "vault_auth_backend" "machines" {
  path = "machines"
  type = "approle"
}

resource "vault_approle_auth_backend_role" "web" {
  backend        = vault_auth_backend.machines.path
  role_name      = "web"
  token_policies = ["app"]
}

resource "vault_approle_auth_backend_role_secret_id" "web" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
}

resource "vault_approle_auth_backend_login" "test" {
  backend   = vault_auth_backend.machines.path
  role_id   = vault_approle_auth_backend_role.web.role_id
  secret_id = vault_approle_auth_backend_role_secret_id.web.secret_id
}
