policy "app-read" {
  path "secrets/data/app/*" {
    capabilities = ["read"]
  }
}
