mount "kv" {
  type    = "kv"
  options = { version = "2" }

  secret "app/db" {
    data_json = secret.env("FIRST_JSON")

    custom_metadata {
      max_versions = 5
      data         = { owner = "ada" }
    }
  }
}
