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

data "vault_auth_backend" "machines" {
  path = vault_auth_backend.machines.path
}

output "accessor" {
  value = data.vault_auth_backend.machines.accessor
}
