policy "app-read" {
  ttl = "24h"

  path "secret/data/app/*" { capabilities = ["read", "list"] }
}
