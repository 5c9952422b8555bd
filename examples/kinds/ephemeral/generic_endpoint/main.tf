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

ephemeral "vault_generic_endpoint" "random" {
  path         = "sys/tools/random/32"
  data_json    = jsonencode({ format = "base64" })
  write_fields = ["random_bytes"]
}

# A password that neither plan nor state hold.
resource "vault_kv_secret_v2" "database" {
  mount                = vault_mount.kv.path
  name                 = "shop/database"
  data_json_wo         = jsonencode({ password = ephemeral.vault_generic_endpoint.random.write_data["random_bytes"] })
  data_json_wo_version = 1
}
