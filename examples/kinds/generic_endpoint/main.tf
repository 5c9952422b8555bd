terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_auth_backend" "people" {
  type = "userpass"
  path = "people"
}

# An endpoint that has no type of its own.
resource "vault_generic_endpoint" "anne" {
  path                 = "auth/${vault_auth_backend.people.path}/users/anne"
  ignore_absent_fields = true

  data_json = jsonencode({
    password       = "correct horse battery staple"
    token_policies = ["app-read"]
  })
}
