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

# Which keys a secret has, without its values.
data "vault_kv_secret_subkeys_v2" "database" {
  mount = vault_mount.kv.path
  name  = vault_kv_secret_v2.database.name
  depth = 1
}

output "keys" {
  value     = keys(data.vault_kv_secret_subkeys_v2.database.data)
  sensitive = true
}
