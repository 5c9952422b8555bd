terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

# Works for key/value engines of both versions; the path is as people write it, without `data/`.
resource "vault_mount" "flat" {
  path = "flat"
  type = "kv"
}

resource "vault_generic_secret" "mail" {
  path = "${vault_mount.flat.path}/shop/mail"
  data_json = jsonencode({
    host = "mail.example.com"
    user = "shop"
  })
}
