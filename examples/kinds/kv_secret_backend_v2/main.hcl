mount "secrets" {
  type    = "kv"
  options = { version = "2" }

  config {
    max_versions         = 10
    delete_version_after = 2592000
  }
}
