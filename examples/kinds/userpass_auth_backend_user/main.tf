terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

variable "password" {
  type      = string
  ephemeral = true
  default   = "correct horse battery staple"
}

resource "vault_auth_backend" "people" {
  type = "userpass"
  path = "people"
}

resource "vault_userpass_auth_backend_user" "anne" {
  mount    = vault_auth_backend.people.path
  username = "anne"

  # Never stored. Count the version up to have a new password sent.
  password_wo         = var.password
  password_wo_version = 1

  token_policies = ["app-read"]
  token_ttl      = 3600
}
