mount "flat" {
  type = "kv"
}

generic_secret "flat/shop/mail" {
  data_json = jsonencode({
    host     = nonsensitive("mail.example.com")
    user     = nonsensitive("shop")
    password = secret.env("MAIL_PASSWORD")
  })
}
