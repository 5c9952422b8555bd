resource "vault_password_policy" "test" {
  name   = "pins"
  policy = <<-EOT
    length = 12
    rule "charset" {
      charset = "0123456789"
    }
  EOT
}
