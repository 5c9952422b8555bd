path "x" {
  capabilities = ["nonsense"]
}
