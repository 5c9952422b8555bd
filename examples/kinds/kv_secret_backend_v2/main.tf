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

resource "vault_kv_secret_backend_v2" "kv" {
  mount                = vault_mount.kv.path
  max_versions         = 10
  cas_required         = false
  delete_version_after = 31536000
}
