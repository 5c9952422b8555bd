terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

data "vault_policy_document" "deploy" {
  rule {
    path         = "kv/data/shop/*"
    capabilities = ["read"]
    description  = "secrets of the shop"
  }

  rule {
    path                = "auth/token/create"
    capabilities        = ["update"]
    required_parameters = ["ttl"]

    allowed_parameter {
      key   = "ttl"
      value = ["1h", "2h"]
    }
  }
}

resource "vault_policy" "deploy" {
  name   = "deploy"
  policy = data.vault_policy_document.deploy.hcl
}
