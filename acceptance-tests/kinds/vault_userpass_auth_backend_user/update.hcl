auth "people" {
  type = "userpass"

  user "ada" {
    password_wo         = secret.env("ADA_PASSWORD")
    password_wo_version = 2
    token_policies      = ["app", "ops"]
    token_ttl           = "30m"

    token_strictly_bind_ip = true
  }
}
