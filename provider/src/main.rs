//! `terraform-provider-vault`: a Terraform provider for Vault-compatible servers.

use std::process::ExitCode;

use provider::VaultProvider;

fn main() -> ExitCode {
    tf_provider_sdk::serve(VaultProvider::new())
}
