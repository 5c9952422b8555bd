mount "kv" {
  type    = "kv"
  options = { version = "2" }

  config {
    max_versions         = 7
    cas_required         = false
    delete_version_after = "2h"
  }
}
