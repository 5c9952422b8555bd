resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_v2" "test" {
  mount     = vault_mount.kv.path
  name      = "app/db"
  data_json = jsonencode({ user = "eve", port = 5433 })
  custom_metadata {
    max_versions = 6
    data         = { owner = "eve" }
  }
}
