terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

# Any path that answers a GET.
data "vault_generic_secret" "self" {
  path                  = "auth/token/lookup-self"
  with_lease_start_time = false
}

output "policies" {
  value     = data.vault_generic_secret.self.data["policies"]
  sensitive = true
}
