# encrypt with any key
path "transit/encrypt/+" {
  capabilities = ["update"]
}

path "auth/token/create" {
  capabilities = ["create", "update", "sudo"]
  required_parameters = ["ttl"]
  allowed_parameters = {
    "*" = []
    "ttl" = ["1h", "2h"]
  }
  denied_parameters = {
    "no_parent" = ["true"]
  }
  min_wrapping_ttl = "5s"
  max_wrapping_ttl = "1h"
}
