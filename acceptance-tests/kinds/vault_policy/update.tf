resource "vault_policy" "test" {
  name       = "app-read"
  expiration = "2099-01-01T00:00:00Z"
  policy = <<-EOT
    path "secret/data/app/*" {
      capabilities = ["read", "list"]
    }
  EOT
}
