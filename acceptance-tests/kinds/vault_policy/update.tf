resource "vault_policy" "test" {
  name   = "app-read"
  policy = <<-EOT
    path "secret/data/app/*" {
      capabilities = ["read", "list"]
    }
  EOT
}
