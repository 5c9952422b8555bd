mount "kv" {
  type    = "kv"
  options = { version = "2" }

  secret "shop/database" {
    data_json = jsonencode({
      user     = nonsensitive("shop")
      port     = nonsensitive(5432)
      password = secret.env("DATABASE_PASSWORD")
    })

    custom_metadata {
      max_versions = 5
      data = {
        owner = "payments"
      }
    }
  }
}
