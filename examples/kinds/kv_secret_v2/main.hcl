mount "secrets" {
  type    = "kv"
  options = { version = "2" }

  secret "app/database" {
    data_json = jsonencode({ user = "app", port = 5432 })
  }
}
