terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

resource "vault_namespace" "payments" {
  path = "payments"
  custom_metadata = {
    owner = "payments-team"
  }
}

# A namespace within the other one.
resource "vault_namespace" "staging" {
  namespace = vault_namespace.payments.path_fq
  path      = "staging"
}
