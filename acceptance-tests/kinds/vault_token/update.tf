resource "vault_policy" "app" {
  name   = "app"
  policy = "path \"secret/*\" { capabilities = [\"read\"] }"
}

resource "vault_token" "test" {
  policies     = [vault_policy.app.name]
  ttl          = "24h"
  display_name = "job"
  no_parent    = true
  renew_min_lease = 60
  renew_increment = 120
}
