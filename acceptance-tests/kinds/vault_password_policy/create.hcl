password_policy "pins" {
  policy = <<-EOT
    length = 12
    rule "charset" {
      charset = "0123456789"
    }
  EOT
}
