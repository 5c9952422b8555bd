terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_namespace" "team" {
  path = "team-a"
}

data "vault_namespace" "team" {
  path = vault_namespace.team.path
}

# Without a path: the namespace that the provider works in.
data "vault_namespace" "current" {}
