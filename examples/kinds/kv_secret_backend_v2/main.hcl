mount "kv" {
  type    = "kv"
  options = { version = "2" }

  config {
    max_versions         = 10
    cas_required         = false
    delete_version_after = "8760h"
  }
}
