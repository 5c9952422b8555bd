mount "flat" {
  type = "kv"
}

generic_secret "flat/shop/mail" {
  data_json = jsonencode({
    host     = "mail.example.com"
    user     = "shop"
    password = secret.env("MAIL_PASSWORD")
  })
}
