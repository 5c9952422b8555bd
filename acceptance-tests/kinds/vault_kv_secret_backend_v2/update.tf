resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_backend_v2" "test" {
  mount                = vault_mount.kv.path
  max_versions         = 7
  delete_version_after = 7200
  cas_required         = false
}
