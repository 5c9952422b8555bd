resource "vault_auth_backend" "people" {
  path = "people"
  type = "userpass"
}

resource "vault_userpass_auth_backend_user" "test" {
  mount               = vault_auth_backend.people.path
  username            = "ada"
  password_wo         = "first-password"
  password_wo_version = 1
  token_policies      = ["app"]
  token_ttl           = 3600
}
