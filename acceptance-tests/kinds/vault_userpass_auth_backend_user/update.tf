resource "vault_auth_backend" "people" {
  path = "people"
  type = "userpass"
}

resource "vault_userpass_auth_backend_user" "test" {
  mount               = vault_auth_backend.people.path
  username            = "ada"
  password_wo         = "second-password"
  password_wo_version = 2
  token_policies      = ["app", "ops"]
  token_ttl           = 1800

  token_strictly_bind_ip = true
}
