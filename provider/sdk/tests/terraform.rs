//! The example provider under the real `terraform`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A folder with a configuration, and the provider where Terraform finds it.
struct Workspace {
    folder: TempDir,
}

impl Workspace {
    fn new() -> Workspace {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("notes")).expect("a folder");
        let provider = example().parent().expect("a folder").to_owned();
        let rc = format!(
            "provider_installation {{\n dev_overrides {{ \"example.com/test/notes\" = {provider:?} }}\n direct {{}}\n}}\n"
        );
        fs::write(folder.path().join("terraform.rc"), rc).expect("written");
        Workspace { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn note(&self, title: &str) -> PathBuf {
        self.path("notes").join(format!("{title}.json"))
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.path("notes/journal")).unwrap_or_default()
    }

    /// Replaces the configuration.
    fn configure(&self, body: &str) {
        let folder = self.path("notes");
        let text = format!(
            "terraform {{\n required_providers {{ notes = {{ source = \"example.com/test/notes\" }} }}\n}}\n\
             provider \"notes\" {{ folder = {folder:?} }}\n{body}\n"
        );
        fs::write(self.path("main.tf"), text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(self.folder.path());
        command.env("TF_CLI_CONFIG_FILE", self.path("terraform.rc")).env("CHECKPOINT_DISABLE", "1");
        command
    }

    /// Runs Terraform, and returns what it printed if it ended with that code.
    #[track_caller]
    fn terraform(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("terraform is on PATH");
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}");
        text
    }

    #[track_caller]
    fn apply(&self) -> String {
        self.terraform(0, &["apply", "-auto-approve", "-no-color"])
    }

    /// The exit code tells: 0 nothing to do, 2 changes.
    #[track_caller]
    fn plan(&self, code: i32) -> String {
        self.terraform(code, &["plan", "-detailed-exitcode", "-no-color"])
    }
}

/// The example's binary: cargo builds examples along with tests, into the folder beside theirs.
fn example() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let target = tests.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let path = target.join("examples/terraform-provider-notes");
    assert!(path.exists(), "`{}` is missing; `cargo test` builds it", path.display());
    path
}

#[track_caller]
fn contains(text: &str, part: &str) {
    // Terraform breaks lines at the width it takes a terminal to have.
    let flat =
        |text: &str| text.replace(['│', '╷', '╵'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(text).contains(&flat(part)), "`{part}` is not in\n{text}");
}

const NOTE: &str = r#"
resource "notes_note" "one" {
  title     = "one"
  text      = "first"
  weight    = 123456789012345678901234567890.5
  anything  = "of any type"
  secret_wo = "hunter2"
  tag { name = "b" }
  tag { name = "a" }
}
output "length" { value = notes_note.one.secret_length }
"#;

#[test]
fn a_resource_goes_through_its_life() {
    let workspace = Workspace::new();
    workspace.configure(NOTE);
    contains(&workspace.terraform(0, &["validate", "-no-color"]), "configuration is valid");
    contains(&workspace.plan(2), "1 to add, 0 to change, 0 to destroy");
    let applied = workspace.apply();
    contains(&applied, "length = 7");
    let stored = fs::read_to_string(workspace.note("one")).expect("the note is there");
    contains(&stored, r#""weight":"123456789012345678901234567890.5""#);
    contains(&workspace.plan(0), "No changes");
    let state = fs::read_to_string(workspace.path("terraform.tfstate")).expect("state");
    assert!(!state.contains("hunter2"), "a write-only value is in the state");

    workspace.configure(&NOTE.replace("first", "second"));
    contains(&workspace.apply(), "0 added, 1 changed, 0 destroyed");
    workspace.configure(&NOTE.replace("title     = \"one\"", "title     = \"two\""));
    contains(&workspace.plan(2), "must be replaced");
    contains(&workspace.apply(), "1 added, 0 changed, 1 destroyed");
    assert!(!workspace.note("one").exists() && workspace.note("two").exists());

    fs::remove_file(workspace.note("two")).expect("it was there");
    contains(&workspace.plan(2), "1 to add");
    workspace.apply();
    contains(&workspace.terraform(0, &["destroy", "-auto-approve", "-no-color"]), "1 destroyed");
    assert!(!workspace.note("two").exists());
    contains(&workspace.journal(), "delete two shutdown");
}

#[test]
fn what_exists_is_imported() {
    let workspace = Workspace::new();
    fs::write(workspace.note("old"), r#"{"text":"kept","tags":["x"]}"#).expect("written");
    workspace.configure("import {\n to = notes_note.old\n id = \"note/old\"\n}\n");
    workspace.terraform(0, &["plan", "-generate-config-out=generated.tf", "-no-color"]);
    contains(&fs::read_to_string(workspace.path("generated.tf")).expect("generated"), "text = \"kept\"");
    contains(&workspace.apply(), "1 imported, 0 added, 0 changed, 0 destroyed");
    workspace.configure("");
    contains(&workspace.plan(0), "No changes");

    workspace.terraform(0, &["state", "rm", "notes_note.old"]);
    let refused = workspace.terraform(1, &["import", "-no-color", "notes_note.old", "nonsense"]);
    contains(&refused, "`nonsense` is not of the form `note/<title>`");
    workspace.terraform(0, &["import", "-no-color", "notes_note.old", "note/old"]);
    contains(&workspace.plan(0), "No changes");
}

#[test]
fn ephemeral_values_reach_write_only_attributes_and_nothing_else() {
    let workspace = Workspace::new();
    workspace.configure(
        r#"
        ephemeral "notes_token" "one" { name = "alice" }
        resource "notes_note" "one" {
          title     = "one"
          secret_wo = ephemeral.notes_token.one.token
        }
        output "length" { value = notes_note.one.secret_length }
        "#,
    );
    contains(&workspace.apply(), "length = 14");
    contains(&workspace.journal(), "close token-of-alice");
    for file in ["terraform.tfstate", "notes/one.json"] {
        assert!(!fs::read_to_string(workspace.path(file)).expect(file).contains("token-of"), "{file}");
    }
    contains(&workspace.plan(0), "No changes");
}

#[test]
fn data_sources_and_functions_answer() {
    let workspace = Workspace::new();
    fs::write(workspace.note("old"), "{}").expect("written");
    workspace.configure(
        r#"
        data "notes_folder" "all" {}
        output "titles" { value = join(",", data.notes_folder.all.titles) }
        output "loud" { value = provider::notes::shout("well", "done") }
        "#,
    );
    let applied = workspace.apply();
    contains(&applied, r#"loud = "WELL DONE!""#);
    contains(&applied, r#"titles = "old""#);
    workspace.configure(r#"output "loud" { value = provider::notes::shout("well", "") }"#);
    contains(&workspace.plan(1), "Silence cannot be shouted.");
}

#[test]
fn a_diagnostic_shows_the_line() {
    let workspace = Workspace::new();
    workspace.configure("resource \"notes_note\" \"one\" {\n title = \"\"\n}\n");
    let refused = workspace.terraform(1, &["validate", "-no-color"]);
    contains(&refused, "A note needs a title");
    contains(&refused, "title = \"\"");
}

#[test]
fn a_panic_is_an_error_and_loses_nothing() {
    let workspace = Workspace::new();
    workspace.configure("resource \"notes_note\" \"one\" {\n title = \"crash\"\n}\n");
    workspace.apply();
    let refused = workspace.plan(1);
    contains(&refused, "The provider crashed");
    contains(&refused, "asked to crash");
    contains(&workspace.terraform(0, &["state", "list"]), "notes_note.one");
}

#[test]
fn state_with_unknown_attributes_and_missing_ones_is_read() {
    let workspace = Workspace::new();
    workspace.configure("resource \"notes_note\" \"one\" {\n title = \"one\"\n}\n");
    workspace.apply();
    let state = fs::read_to_string(workspace.path("terraform.tfstate")).expect("state");
    let older = state.replace("\"weight\": null", "\"gone\": [1, 2]").replace("\"tag\": [],", "");
    assert_ne!(state, older);
    fs::write(workspace.path("terraform.tfstate"), older).expect("written");
    contains(&workspace.plan(0), "No changes");
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    let output = Command::new(example()).env_remove("TF_PLUGIN_MAGIC_COOKIE").output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    contains(&String::from_utf8_lossy(&output.stderr), "is a Terraform provider");
}

#[test]
fn an_interrupt_asks_the_provider_to_stop() {
    let workspace = Workspace::new();
    workspace.configure("resource \"notes_note\" \"one\" {\n title = \"endless\"\n}\n");
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let terraform = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut terraform = terraform.spawn().expect("terraform is on PATH");
    while !workspace.journal().contains("write endless") {
        assert_eq!(terraform.try_wait().expect("it was started"), None, "terraform ended too early");
        thread::sleep(Duration::from_millis(20));
    }
    // As a terminal does it: the whole group is interrupted, the provider too.
    let group = format!("-{}", terraform.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().expect("kill is on PATH").success());
    let output = terraform.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    contains(&String::from_utf8_lossy(&output.stderr), "The note was not written.");
    contains(&workspace.journal(), "write endless stop shutdown");
}

#[test]
fn a_signal_ends_it_and_the_socket_goes() {
    let temporary = TempDir::new().expect("a folder");
    let mut provider = Command::new(example())
        .env("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(provider.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line.split('|').count(), 6, "{line}");
    assert_eq!(leftovers(temporary.path()).len(), 1);
    let killed = Command::new("kill").arg(provider.id().to_string()).status().expect("kill is on PATH");
    assert!(killed.success() && provider.wait().expect("it ends").success());
    assert_eq!(leftovers(temporary.path()), Vec::<PathBuf>::new());
}

#[test]
fn nothing_is_left_behind() {
    let workspace = Workspace::new();
    let temporary = workspace.path("tmp");
    fs::create_dir(&temporary).expect("a folder");
    workspace.configure(NOTE);
    let output =
        workspace.command(&["plan"]).env("TMPDIR", &temporary).output().expect("terraform is on PATH");
    assert!(output.status.success());
    assert_eq!(leftovers(&temporary), Vec::<PathBuf>::new());
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.to_string_lossy().contains("plugin")).collect()
}
