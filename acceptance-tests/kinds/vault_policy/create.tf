resource "vault_policy" "test" {
  name = "app-read"
  ttl  = "24h"
  policy = <<-EOT
    path "secret/data/app/*" {
      capabilities = ["read"]
    }
  EOT
}
