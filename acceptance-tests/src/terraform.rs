//! The real `terraform`, with our provider put in by `dev_overrides`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::programs;
use crate::run::Ran;
use crate::server::Server;

/// Address of our provider, as configurations name it.
const PROVIDER: &str = "lockstep/vault";

/// A working folder for `terraform`, bound to one server.
#[derive(Debug)]
pub struct Terraform {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Terraform {
    /// An empty working folder; the provider takes address and token from the environment.
    ///
    /// # Errors
    /// When terraform or our provider is missing.
    pub fn new(server: &Server) -> Result<Self, String> {
        programs::terraform()?;
        let provider = programs::ours("terraform-provider-vault")?;
        let folder =
            TempDir::with_prefix("lockstep-tf-").map_err(|error| format!("a temporary folder: {error}"))?;
        let provider_folder = provider.parent().unwrap_or(Path::new(".")).display();
        let overrides = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"{PROVIDER}\" = \"{provider_folder}\"\n  }}\n  direct {{}}\n}}\n"
        );
        let environment =
            vec![("VAULT_ADDR".to_owned(), server.url()), ("VAULT_TOKEN".to_owned(), server.token.clone())];
        let terraform = Self { folder, environment };
        terraform.write("terraform.rc", &overrides)?;
        Ok(terraform)
    }

    /// Sets a variable of the environment of all later runs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable from the environment of all later runs.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.folder().join(name), text).map_err(|error| format!("`{name}`: {error}"))
    }

    /// Writes the two blocks that every configuration needs to find our provider.
    ///
    /// # Errors
    /// When that fails.
    pub fn write_provider(&self) -> Result<(), String> {
        self.write(
            "provider.tf",
            &format!(
                "terraform {{\n  required_providers {{\n    vault = {{\n      source = \"{PROVIDER}\"\n    }}\n  }}\n}}\n\nprovider \"vault\" {{}}\n"
            ),
        )
    }

    /// Runs terraform with these arguments, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran, String> {
        let mut command = Command::new(programs::terraform()?);
        command.args(arguments).current_dir(self.folder()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder()).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        command.env("TF_CLI_CONFIG_FILE", self.folder().join("terraform.rc"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ran::of(&mut command)
    }

    /// Applies the configuration.
    ///
    /// # Errors
    /// When it ends with another exit code than 0.
    pub fn apply(&self) -> Result<Ran, String> {
        self.run(&["apply", "-no-color", "-input=false", "-auto-approve"])?.expect(0, "apply")
    }

    /// Plans, and answers whether there are changes.
    ///
    /// # Errors
    /// When the plan fails.
    pub fn plan(&self) -> Result<(bool, Ran), String> {
        let ran = self.run(&["plan", "-no-color", "-input=false", "-detailed-exitcode"])?;
        match ran.code {
            0 => Ok((false, ran)),
            2 => Ok((true, ran)),
            _ => Err(ran.failure("plan fails")),
        }
    }

    /// Plans, and wants no changes.
    ///
    /// # Errors
    /// When there are changes, or the plan fails.
    pub fn plan_empty(&self, when: &str) -> Result<(), String> {
        match self.plan()? {
            (false, _) => Ok(()),
            (true, ran) => Err(ran.failure(&format!("the plan {when} is not empty"))),
        }
    }

    /// Plans, and wants changes.
    ///
    /// # Errors
    /// When there are none, or the plan fails.
    pub fn plan_changes(&self, when: &str) -> Result<Ran, String> {
        match self.plan()? {
            (true, ran) => Ok(ran),
            (false, ran) => Err(ran.failure(&format!("the plan {when} sees no change"))),
        }
    }

    /// Destroys everything.
    ///
    /// # Errors
    /// When it ends with another exit code than 0.
    pub fn destroy(&self) -> Result<Ran, String> {
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])?.expect(0, "destroy")
    }

    /// Destroys one object, and what depends on it.
    ///
    /// # Errors
    /// When it ends with another exit code than 0.
    pub fn destroy_only(&self, address: &str) -> Result<Ran, String> {
        let target = format!("-target={address}");
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve", &target])?
            .expect(0, "destroy of the object")
    }

    /// Imports `id` as `address`.
    ///
    /// # Errors
    /// When it ends with another exit code than 0.
    pub fn import(&self, address: &str, id: &str) -> Result<Ran, String> {
        self.run(&["import", "-no-color", "-input=false", address, id])?.expect(0, "import")
    }

    /// The state, as `terraform show -json` gives it.
    ///
    /// # Errors
    /// When it fails or is no JSON.
    pub fn show(&self) -> Result<Value, String> {
        self.show_json(&["show", "-json"])
    }

    /// A saved plan, as `terraform show -json FILE` gives it.
    ///
    /// # Errors
    /// When it fails or is no JSON.
    pub fn show_plan(&self, file: &str) -> Result<Value, String> {
        self.show_json(&["show", "-json", file])
    }

    fn show_json(&self, arguments: &[&str]) -> Result<Value, String> {
        let ran = self.run(arguments)?.expect(0, "show")?;
        serde_json::from_str(&ran.stdout).map_err(|error| ran.failure(&format!("no JSON: {error}")))
    }

    /// Attributes of one resource of the state.
    ///
    /// # Errors
    /// When the state has no such resource.
    pub fn attributes(&self, address: &str) -> Result<Value, String> {
        let state = self.show()?;
        let resources = state.pointer("/values/root_module/resources").and_then(Value::as_array);
        let found = resources.into_iter().flatten().find(|resource| resource["address"] == address);
        found.map(|resource| resource["values"].clone()).ok_or_else(|| format!("no `{address}` in the state"))
    }

    /// Makes our provider the owner of a state that `hashicorp/vault` wrote.
    ///
    /// # Errors
    /// When it ends with another exit code than 0.
    pub fn replace_provider(&self) -> Result<Ran, String> {
        let ours = format!("registry.terraform.io/{PROVIDER}");
        self.run(&[
            "state",
            "replace-provider",
            "-auto-approve",
            "registry.terraform.io/hashicorp/vault",
            &ours,
        ])?
        .expect(0, "state replace-provider")
    }
}
