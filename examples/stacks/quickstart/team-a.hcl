# One team: a namespace with its secrets, its policies, and the ways in.

locals {
  # No token of a development machine lives longer than a working day.
  token_max_ttl = var.environment == "prod" ? "1h" : "8h"
}

namespace "team-a" {
  custom_metadata = {
    owner       = "payments"
    environment = var.environment
  }

  # --- secrets ---------------------------------------------------------------------------------------------

  mount "kv" {
    type        = "kv"
    description = "Secrets of the applications"
    options     = { version = 2 }

    config {
      max_versions = 10
    }

    # The password comes from the environment while applying. It is in no plan, log or report; what stands beside it
    # and is no secret is marked, so that it can be shown and saved.
    secret "app/database" {
      data_json_wo = {
        username = nonsensitive("app")
        password = secret.env("QUICKSTART_DATABASE_PASSWORD")
      }
    }
  }

  # --- policies --------------------------------------------------------------------------------------------

  policy "app-read" {
    path "kv/data/app/*" { capabilities = ["read"] }
    path "kv/metadata/app/*" { capabilities = ["list", "read"] }
  }

  policy "app-write" {
    path "kv/data/app/*" { capabilities = ["create", "update", "patch"] }
  }

  policy "deploy" {
    policy = <<-EOT
      # What a deployment of ${var.environment} may do.
      path "kv/data/app/*" {
        capabilities = ["read"]
      }
      path "auth/services/role/+/secret-id" {
        capabilities     = ["update"]
        min_wrapping_ttl = "60s"
        max_wrapping_ttl = "10m"
      }
    EOT
  }

  # --- ways in ---------------------------------------------------------------------------------------------

  auth "services" {
    type        = "approle"
    description = "Services log in here"

    role "service" {
      for_each = var.services

      role_name          = "${each.key}-${var.environment}"
      token_policies     = each.value.policies
      token_ttl          = coalesce(each.value.ttl, "1h")
      token_max_ttl      = local.token_max_ttl
      secret_id_num_uses = 10
      secret_id_ttl      = "24h"
      depends_on         = [policy.app-read, policy.app-write]
    }
  }

  auth "people" {
    type = "userpass"
    tune {
      default_lease_ttl  = "1h"
      max_lease_ttl      = local.token_max_ttl
      listing_visibility = "unauth"
    }

    user "demo" {
      password_wo    = secret.env("QUICKSTART_DEMO_PASSWORD")
      token_policies = [policy.app-read]
    }
  }

  auth "ci" {
    type        = "jwt"
    description = "Pipelines log in with the token that the CI system gives them"

    config {
      jwt_validation_pubkeys = [file("ci.pub.pem")]
      bound_issuer           = "https://ci.example.com"
    }

    role "deploy" {
      role_type       = "jwt"
      user_claim      = "sub"
      bound_audiences = ["lockstep"]
      bound_claims    = { project = "shop" }
      token_policies  = [policy.deploy]
      token_ttl       = "20m"
    }
  }
}
