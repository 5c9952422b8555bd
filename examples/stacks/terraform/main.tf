# A small stack: an engine with a secret, a policy that reads it, and a role of a service that gets the policy.

terraform {
  required_providers {
    vault = {
      source = "lockstep/vault"
    }
  }
}

# Address and token come from VAULT_ADDR and VAULT_TOKEN.
provider "vault" {}

variable "database_password" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "vault_namespace" "shop" {
  path            = "shop"
  custom_metadata = { owner = "payments" }
}

resource "vault_mount" "kv" {
  namespace   = vault_namespace.shop.path
  path        = "kv"
  type        = "kv"
  options     = { version = "2" }
  description = "Secrets of the shop"
}

# Write-only: the password is in no plan and in no state.
resource "vault_kv_secret_v2" "database" {
  namespace            = vault_namespace.shop.path
  mount                = vault_mount.kv.path
  name                 = "app/database"
  data_json_wo         = jsonencode({ username = "app", password = var.database_password })
  data_json_wo_version = 1
}

resource "vault_policy" "read" {
  namespace = vault_namespace.shop.path
  name      = "app-read"
  policy    = <<-EOT
    path "${vault_mount.kv.path}/data/app/*" {
      capabilities = ["read"]
    }
  EOT
}

resource "vault_auth_backend" "services" {
  namespace = vault_namespace.shop.path
  path      = "services"
  type      = "approle"
}

resource "vault_approle_auth_backend_role" "api" {
  namespace      = vault_namespace.shop.path
  backend        = vault_auth_backend.services.path
  role_name      = "api"
  token_policies = [vault_policy.read.name]
  token_ttl      = 1200
  token_max_ttl  = 3600
}

output "role_id" {
  value = vault_approle_auth_backend_role.api.role_id
}
