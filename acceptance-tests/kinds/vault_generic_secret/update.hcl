mount "flat" {
  type = "kv"
}

generic_secret "flat/mail" {
  data_json = secret.env("SECOND_JSON")
}
