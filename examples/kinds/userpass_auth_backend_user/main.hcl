auth "people" {
  type = "userpass"

  user "anne" {
    password_wo         = secret.env("ANNE_PASSWORD")
    password_wo_version = 1
    token_policies      = ["app-read"]
    token_ttl           = "1h"
  }
}
