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
  mount = vault_mount.kv.path
  name  = "shop/database"
  data_json = jsonencode({
    user = "shop"
    port = 5432
  })

  custom_metadata {
    max_versions = 5
    data = {
      owner = "payments"
    }
  }
}

variable "api_key" {
  type      = string
  ephemeral = true
  default   = "an-example"
}

# Sent and never stored: neither plan nor state hold it. A higher version number sends it again.
resource "vault_kv_secret_v2" "api" {
  mount                = vault_mount.kv.path
  name                 = "shop/api"
  data_json_wo         = jsonencode({ key = var.api_key })
  data_json_wo_version = 1
}
