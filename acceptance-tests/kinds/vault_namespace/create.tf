resource "vault_namespace" "test" {
  path = "team-a"
  custom_metadata = {
    owner = "ada"
  }
}
