policy "app-read" {
  path "secret/data/app/*" { capabilities = ["read", "list"] }
}
