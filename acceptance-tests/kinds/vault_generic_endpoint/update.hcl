auth "people" {
  type = "userpass"
}

generic_endpoint "auth/people/users/ada" {
  ignore_absent_fields = true
  depends_on           = [auth.people]
  data_json            = secret.env("SECOND_JSON")
}
