mount "old" {
  type    = "kv"
  options = { version = "1" }
}

generic_secret "old/app/database" {
  data_json = jsonencode({ user = "app" })
}
