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

# Read in each run and stored nowhere. `mount_id` puts the reading off until the secret is there.
ephemeral "vault_kv_secret_v2" "database" {
  mount    = vault_mount.kv.path
  mount_id = vault_kv_secret_v2.database.id
  name     = vault_kv_secret_v2.database.name
}

resource "vault_kv_secret_v2" "copy" {
  mount                = vault_mount.kv.path
  name                 = "shop/database-copy"
  data_json_wo         = ephemeral.vault_kv_secret_v2.database.data_json
  data_json_wo_version = 1
}
