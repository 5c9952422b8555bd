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

resource "vault_namespace" "project" {
  namespace = vault_namespace.team.path
  path      = "web"
}

data "vault_namespaces" "all" {
  recursive  = true
  depends_on = [vault_namespace.project]
}

output "namespaces" {
  value = data.vault_namespaces.all.paths
}
