auth "people" {
  type = "userpass"

  user "ada" {
    password_wo         = secret.env("ADA_PASSWORD")
    password_wo_version = 1
    token_policies      = ["app"]
    token_ttl           = "1h"
  }
}
