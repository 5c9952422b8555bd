terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_v2" "database" {
  mount     = vault_mount.kv.path
  name      = "shop/database"
  data_json = jsonencode({ user = "shop", port = 5432 })
}

# The state holds what is read. Where it need not, use the ephemeral resource of the same name.
data "vault_kv_secret_v2" "database" {
  mount = vault_mount.kv.path
  name  = vault_kv_secret_v2.database.name
}

output "user" {
  value     = data.vault_kv_secret_v2.database.data["user"]
  sensitive = true
}
