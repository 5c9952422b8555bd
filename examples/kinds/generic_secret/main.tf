terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "old" {
  path    = "old"
  type    = "kv"
  options = { version = "1" }
}

resource "vault_generic_secret" "database" {
  path      = "${vault_mount.old.path}/app/database"
  data_json = jsonencode({ user = "app" })
}
