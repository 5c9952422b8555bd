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
  backend               = vault_auth_backend.machines.path
  role_name             = "web"
  token_policies        = ["app-read"]
  token_ttl             = 1200
  token_max_ttl         = 3600
  secret_id_ttl         = 86400
  secret_id_bound_cidrs = ["10.0.0.0/8"]
}
