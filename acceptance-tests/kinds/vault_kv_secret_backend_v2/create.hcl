mount "kv" {
  type    = "kv"
  options = { version = "2" }

  config {
    max_versions         = 5
    cas_required         = true
    delete_version_after = "1h"

    metadata_cas_required = true
  }
}
