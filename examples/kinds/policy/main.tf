terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_policy" "app_read" {
  name   = "app-read"
  policy = <<EOT
path "secrets/data/app/*" {
  capabilities = ["read"]
}
EOT
}
