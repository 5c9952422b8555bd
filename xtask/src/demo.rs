//! `cargo xtask demo`

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::background::{DevServer, TOKEN};
use crate::http::{Connection, Request};
use crate::shell::{self, Done};

/// The declaration that the demonstration applies.
const STACK: &str = "examples/stacks/quickstart";

/// What the stack takes from the environment; in earnest they come from a secret store of the CI system.
const SECRETS: &[(&str, &str)] = &[
    ("QUICKSTART_DATABASE_PASSWORD", "correct-horse-battery-staple"),
    ("QUICKSTART_DEMO_PASSWORD", "open-sesame-7-times"),
    ("TF_VAR_database_password", "correct-horse-battery-staple"),
];

/// Shows the whole way through; ends by itself and leaves nothing running.
pub(crate) fn run() -> Done {
    title("1", "Build");
    shell::run(&mut shell::cargo(&["build", "--quiet", "--workspace", "--bins"]))?;
    title("2", "A server: in memory, unsealed, with the root token `root`");
    let demo = Demo::start()?;
    println!("listening on {}", demo.server.url());
    demo.declare()?;
    demo.drift()?;
    match shell::on_path("terraform") {
        Some(terraform) => demo.terraform(&terraform)?,
        None => println!("\n`terraform` is not on the PATH: its part is left out."),
    }
    how_to_go_on();
    Ok(())
}

fn title(number: &str, text: &str) {
    println!("\n──── {number}. {text} {}\n", "─".repeat(90_usize.saturating_sub(text.chars().count())));
}

struct Demo {
    server: DevServer,
    binaries: PathBuf,
    folder: PathBuf,
}

impl Demo {
    fn start() -> Result<Self, String> {
        let binaries = shell::target().join("debug");
        let folder = shell::target().join("demo");
        let server = DevServer::start(&binaries.join("lockstep"), &folder.join("server.log"))?;
        Ok(Self { server, binaries, folder })
    }

    fn declare(&self) -> Done {
        title("3", "What the declaration wants that the server has not");
        self.lockstep(&["plan", STACK], 2)?;
        title("4", "Applied");
        self.lockstep(&["apply", "-auto-approve", STACK], 0)?;
        println!();
        self.lockstep(&["plan", STACK], 0)
    }

    fn drift(&self) -> Done {
        title("5", "Somebody widens a policy behind its back");
        self.widen_policy()?;
        println!();
        self.lockstep(&["drift", STACK], 2)?;
        title("6", "Mended");
        self.lockstep(&["apply", "-auto-approve", STACK], 0)?;
        println!();
        self.lockstep(&["drift", STACK], 0)
    }

    fn widen_policy(&self) -> Done {
        let body = r#"{"policy": "path \"kv/*\" { capabilities = [\"read\", \"delete\", \"sudo\"] }"}"#;
        let (path, namespace) = ("sys/policies/acl/app-read", "team-a");
        println!("PUT /v1/{path}   X-Vault-Namespace: {namespace}\n{body}");
        let request = Request { method: "PUT", path, token: TOKEN, namespace, body };
        match Connection::open(&self.server.address)?.send(&request)? {
            (200..300, _) => Ok(()),
            (status, body) => Err(format!("PUT {path}: {status} {}", String::from_utf8_lossy(&body))),
        }
    }

    fn terraform(&self, terraform: &Path) -> Done {
        title("7", "The same kinds with Terraform: our provider, the real terraform");
        let folder = self.terraform_folder()?;
        // Without colors where they would end in a file.
        let color: &[&str] = if std::io::stdout().is_terminal() { &[] } else { &["-no-color"] };
        let common = [&["-input=false", "-compact-warnings"], color].concat();
        self.run(self.client(terraform, &folder).args(["apply", "-auto-approve"]).args(&common), 0)?;
        title("8", "And the second plan is empty");
        self.run(self.client(terraform, &folder).args(["plan", "-detailed-exitcode"]).args(&common), 0)
    }

    /// A working folder with the configuration and the settings that put our provider in.
    fn terraform_folder(&self) -> Result<PathBuf, String> {
        let folder = self.folder.join("terraform");
        let problem = |error| format!("`{}`: {error}", folder.display());
        // The state of an earlier demonstration is of a server that is gone.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(problem)?;
        }
        fs::create_dir_all(&folder).map_err(problem)?;
        fs::copy(shell::workspace().join("examples/stacks/terraform/main.tf"), folder.join("main.tf"))
            .map_err(problem)?;
        let overrides = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"lockstep/vault\" = \"{}\"\n  }}\n  direct {{}}\n}}\n",
            self.binaries.display()
        );
        fs::write(folder.join("terraform.rc"), overrides).map_err(problem)?;
        Ok(folder)
    }

    fn lockstep(&self, arguments: &[&str], code: i32) -> Done {
        let mut command = self.client(&self.binaries.join("lockstep"), &shell::workspace());
        self.run(command.args(arguments), code)
    }

    /// A client of the server, in `folder`.
    fn client(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        shell::isolated(&mut command).current_dir(folder);
        command.env("VAULT_ADDR", self.server.url()).env("VAULT_TOKEN", TOKEN);
        command.env("TF_CLI_CONFIG_FILE", folder.join("terraform.rc"));
        command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1").envs(SECRETS.iter().copied());
        command
    }

    fn run(&self, command: &mut Command, code: i32) -> Done {
        let shown = shell::shown(command);
        println!("$ {shown}");
        match shell::status(command)?.code() {
            Some(found) if found == code => {
                println!("(exit code {code})");
                Ok(())
            }
            found => Err(format!("`{shown}` ended with {found:?} where {code} was expected")),
        }
    }
}

fn how_to_go_on() {
    title("9", "How to go on");
    println!(
        "The server of this demonstration is gone. To play with one of your own:\n\n\
         \x20   target/debug/lockstep server -dev -dev-root-token-id=root\n\
         \x20   export VAULT_ADDR=http://127.0.0.1:8200 VAULT_TOKEN=root\n\
         \x20   export QUICKSTART_DATABASE_PASSWORD=… QUICKSTART_DEMO_PASSWORD=…\n\
         \x20   target/debug/lockstep plan {STACK}\n\n\
         The declaration is {STACK}/*.hcl, the Terraform configuration examples/stacks/terraform/main.tf;\n\
         examples/kinds/ has every kind for itself. `cargo xtask test` runs all tests."
    );
}
