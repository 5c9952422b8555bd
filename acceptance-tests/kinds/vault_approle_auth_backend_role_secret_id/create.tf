resource "vault_auth_backend" "machines" {
  path = "machines"
  type = "approle"
}

resource "vault_approle_auth_backend_role" "web" {
  backend            = vault_auth_backend.machines.path
  role_name          = "web"
  token_policies     = ["app"]
  secret_id_ttl      = 3600
  secret_id_num_uses = 5
}

resource "vault_approle_auth_backend_role_secret_id" "test" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
  metadata  = jsonencode({ host = "a" })
}
