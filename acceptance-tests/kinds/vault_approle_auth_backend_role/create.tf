resource "vault_auth_backend" "machines" {
  path = "machines"
  type = "approle"
}

resource "vault_approle_auth_backend_role" "test" {
  backend        = vault_auth_backend.machines.path
  role_name      = "web"
  token_policies = ["app"]
  token_ttl      = 1200
  token_max_ttl  = 3600
  secret_id_ttl  = 600

  token_strictly_bind_ip = true
}
