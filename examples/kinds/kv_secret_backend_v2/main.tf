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

resource "vault_kv_secret_backend_v2" "secrets" {
  mount                = vault_mount.secrets.path
  max_versions         = 10
  delete_version_after = 2592000
}
