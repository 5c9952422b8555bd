mount "kv" {
  type    = "kv"
  options = { version = "2" }

  secret "app/db" {
    data_json = secret.env("SECOND_JSON")

    custom_metadata {
      max_versions = 6
      data         = { owner = "eve" }
    }
  }
}
