terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_mount" "totp" {
  path = "totp"
  type = "totp"
}

# An object that has no type of its own. The server shows only a part of it, so only the declared fields that
# it shows are compared.
resource "vault_generic_endpoint" "phone" {
  path                 = "${vault_mount.totp.path}/keys/phone"
  ignore_absent_fields = true
  data_json = jsonencode({
    issuer       = "Shop"
    account_name = "ola@example.com"
    key          = "JBSWY3DPEHPK3PXP"
  })
}

# An act rather than an object: nothing to read, nothing to delete, and an answer worth keeping.
resource "vault_generic_endpoint" "random" {
  path           = "sys/tools/random/16"
  disable_read   = true
  disable_delete = true
  data_json      = jsonencode({ format = "hex" })
  write_fields   = ["random_bytes"]
}
