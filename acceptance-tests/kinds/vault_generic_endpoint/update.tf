resource "vault_auth_backend" "people" {
  path = "people"
  type = "userpass"
}

resource "vault_generic_endpoint" "test" {
  path                 = "auth/${vault_auth_backend.people.path}/users/ada"
  ignore_absent_fields = true
  data_json            = jsonencode({ token_ttl = 1800, password = "first-password" })
}
