terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_auth_backend" "people" {
  for_each = toset(["north", "south"])
  type     = "userpass"
  path     = "people/${each.key}"
}

data "vault_auth_backends" "people" {
  type       = "userpass"
  depends_on = [vault_auth_backend.people]
}

output "accessors" {
  value = zipmap(data.vault_auth_backends.people.paths, data.vault_auth_backends.people.accessors)
}
