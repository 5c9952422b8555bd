resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_backend_v2" "test" {
  mount                = vault_mount.kv.path
  max_versions         = 5
  delete_version_after = 3600
  cas_required         = true

  metadata_cas_required = true
}
