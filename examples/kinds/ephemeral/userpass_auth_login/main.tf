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

resource "vault_userpass_auth_backend_user" "ola" {
  mount               = vault_auth_backend.people.path
  username            = "ola"
  password_wo         = "an-example"
  password_wo_version = 1
}

# The token is revoked at the end of the run.
ephemeral "vault_userpass_auth_login" "ola" {
  mount    = vault_auth_backend.people.path
  mount_id = vault_auth_backend.people.id
  username = vault_userpass_auth_backend_user.ola.username
  password = "an-example"
}
