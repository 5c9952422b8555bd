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

data "vault_kv_secrets_list_v2" "shop" {
  mount      = vault_mount.kv.path
  name       = "shop"
  depends_on = [vault_kv_secret_v2.database]
}
