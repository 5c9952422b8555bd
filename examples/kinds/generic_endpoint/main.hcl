mount "totp" {
  type = "totp"
}

generic_endpoint "totp/keys/phone" {
  ignore_absent_fields = true
  data_json = jsonencode({
    issuer       = nonsensitive("Shop")
    account_name = nonsensitive("ola@example.com")
    key          = secret.env("TOTP_KEY")
  })
}
