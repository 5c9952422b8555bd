auth "people" {
  type = "userpass"
}

generic_endpoint "auth/people/users/anne" {
  ignore_absent_fields = true
  data_json            = jsonencode({ password = secret.env("ANNE_PASSWORD"), token_policies = ["app-read"] })
}
