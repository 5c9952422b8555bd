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

# Good for this run: it is destroyed at the end.
ephemeral "vault_approle_auth_backend_role_secret_id" "web" {
  backend   = vault_auth_backend.machines.path
  role_name = vault_approle_auth_backend_role.web.role_name
  mount_id  = vault_approle_auth_backend_role.web.id
  ttl       = 600
  num_uses  = 1
}
