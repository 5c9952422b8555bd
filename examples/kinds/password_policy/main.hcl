password_policy "database" {
  policy = <<EOT
length = 24
rule "charset" {
  charset   = "abcdefghijklmnopqrstuvwxyz"
  min-chars = 2
}
rule "charset" {
  charset   = "0123456789"
  min-chars = 2
}
EOT
}
