terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "secrets" {
  path    = "secrets"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_v2" "database" {
  mount     = vault_mount.secrets.path
  name      = "app/database"
  data_json = jsonencode({ user = "app", port = 5432 })

  custom_metadata {
    max_versions = 5
    data = {
      owner = "shop-team"
    }
  }
}
