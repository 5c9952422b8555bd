mount "totp" {
  type = "totp"
}

generic_endpoint "totp/keys/phone" {
  ignore_absent_fields = true
  data_json = jsonencode({
    issuer       = "Shop"
    account_name = "ola@example.com"
    key          = secret.env("TOTP_KEY")
  })
}
