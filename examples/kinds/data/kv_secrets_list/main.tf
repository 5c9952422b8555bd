terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "legacy" {
  path    = "legacy"
  type    = "kv"
  options = { version = "1" }
}

resource "vault_generic_secret" "smtp" {
  path      = "${vault_mount.legacy.path}/mail/smtp"
  data_json = jsonencode({ user = "mailer" })
}

data "vault_kv_secrets_list" "mail" {
  path       = "${vault_mount.legacy.path}/mail"
  depends_on = [vault_generic_secret.smtp]
}

output "secrets" {
  value     = data.vault_kv_secrets_list.mail.names
  sensitive = true
}
