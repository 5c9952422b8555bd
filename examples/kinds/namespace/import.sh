#!/bin/sh
terraform import vault_namespace.payments payments

# One within another: its own name, with the parent in the environment.
export TERRAFORM_VAULT_NAMESPACE_IMPORT=payments
terraform import vault_namespace.staging staging
