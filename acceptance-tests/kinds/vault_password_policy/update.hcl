password_policy "pins" {
  policy = <<-EOT
    length = 16
    rule "charset" {
      charset = "0123456789"
    }
  EOT
}
