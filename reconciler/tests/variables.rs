//! Where values of variables come from, and what becomes of them.

use std::path::PathBuf;

use reconciler::render::{self, Style};
use reconciler::{Address, Options, load, load_text};

const DECLARED: &str = r#"
variable "name" {
  type    = string
  default = "default"
}
variable "numbers" {
  type    = list(number)
  default = []
}
mount "x" {
  type        = "kv"
  description = "${var.name} ${jsonencode(var.numbers)}"
}
"#;

fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn check(options: &Options, expected: &str) {
    let loaded = load_text("main.hcl", DECLARED, options);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let mount = &loaded.desired.objects[&Address::parse("mount.x").expect("an address")];
    assert_eq!(format!("{:?}", mount.fields["description"]), format!("String({expected:?})"));
}

#[test]
fn the_command_line_counts_more_than_files_and_files_more_than_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("values.hcl");
    std::fs::write(&file, "name = \"file\"\nnumbers = [1, 2]\n").expect("writing");
    let environment = pairs(&[("name", "environment"), ("numbers", "[9]"), ("unused", "x")]);

    check(&Options::default(), "default []");
    check(&Options { environment: environment.clone(), ..Options::default() }, "environment [9]");
    let with_file = Options { environment, variable_files: vec![file], ..Options::default() };
    check(&with_file, "file [1,2]");
    check(&Options { variables: pairs(&[("name", "line")]), ..with_file }, "line [1,2]");
}

#[test]
fn values_of_a_json_file_keep_their_digits() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("values.json");
    std::fs::write(&file, r#"{"numbers": [12345678901234567890]}"#).expect("writing");
    check(&Options { variable_files: vec![file], ..Options::default() }, "default [12345678901234567890]");
}

#[track_caller]
fn check_refused(options: &Options, expected: &str) {
    let loaded = load_text("main.hcl", DECLARED, options);
    let found: Vec<_> = loaded.diagnostics.iter().map(|found| found.summary.as_str()).collect();
    assert!(found.iter().any(|found| found.contains(expected)), "{found:?}");
}

#[test]
fn a_value_that_does_not_fit_is_refused_and_not_shown() {
    let given = |name, value| Options { variables: pairs(&[(name, value)]), ..Options::default() };
    check_refused(&given("numbers", "[\"canary\"]"), "variable `numbers` must be a list with a number in it");
    check_refused(&given("numbers", "[1,"), "variable `numbers` is no expression");
    check_refused(&given("nmae", "x"), "`-var nmae=…` is for a variable that is not declared");
    let loaded = load_text("main.hcl", DECLARED, &given("numbers", "[\"canary\"]"));
    assert!(!format!("{:?}", loaded.diagnostics).contains("canary"));
}

#[test]
fn a_sensitive_value_is_a_secret_by_reference() {
    let text = "variable \"p\" { sensitive = true }\npolicy \"x\" {\n  policy = \"a${var.p}\"\n}\n";
    let options = Options { variables: pairs(&[("p", "canary")]), ..Options::default() };
    let loaded = load_text("main.hcl", text, &options);
    let shown = format!("{:?}", loaded.desired);
    assert!(shown.contains("Variable(\"p\")") && !shown.contains("canary"), "{shown}");
}

#[test]
fn files_of_a_folder_are_one_configuration_and_an_error_in_one_hides_none_in_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writing");
    write("a.hcl", "mount \"a\" {\n  type        = \"kv\"\n  description = local.text\n}\n");
    write("b.hcl", "locals {\n  text = \"x\"\n}\n");
    write("note.txt", "not read {{{");
    let loaded = load(&[folder.path().to_owned()], &Options::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    write("c.hcl", "policy \"c\" {");
    write("d.hcl", "polcy \"d\" {}\n");
    let loaded = load(&[folder.path().to_owned()], &Options::default());
    assert_eq!(loaded.diagnostics.len(), 2, "{:?}", loaded.diagnostics);
}

#[test]
fn the_example_stacks_are_sound() {
    let stacks = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/stacks/quickstart");
    let loaded = load(&[stacks], &Options::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert!(loaded.desired.objects.len() > 10);
}

#[track_caller]
fn check_stranger(name: &str, text: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, text).expect("writing");
    let loaded =
        load_text("main.hcl", DECLARED, &Options { variable_files: vec![file], ..Options::default() });
    let said = render::diagnostics(&loaded.diagnostics, &loaded.sources, Style::plain());
    assert!(said.contains("there is no variable `nmae`") && said.contains("`name`"), "{said}");
    assert!(said.contains(&format!("{name}:2:")) && said.contains("━━━━"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn an_unknown_name_in_a_file_of_values_is_an_error_at_its_place() {
    check_stranger("values.hcl", "numbers = [1]\nnmae = \"canary\"\n");
    check_stranger("values.json", "{\n  \"nmae\": \"canary\"\n}\n");
}

#[test]
fn an_unset_sensitive_variable_is_an_error_at_its_place() {
    let text = "variable \"p\" { sensitive = true }\npolicy \"x\" {\n  policy = var.p\n}\n";
    let loaded = load_text("main.hcl", text, &Options::default());
    let said = render::diagnostics(&loaded.diagnostics, &loaded.sources, Style::plain());
    assert!(said.contains("variable `p` has no value") && said.contains("main.hcl:1:1"), "{said}");
}

#[test]
fn a_file_of_values_with_a_block_in_it_is_refused_and_not_read_in_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("values.hcl");
    std::fs::write(&file, "name = \"hunter2\"\nsettings {\n  a = 1\n}\n").expect("a file");
    let options = Options { variable_files: vec![file], ..Options::default() };
    let loaded = load_text("main.hcl", "variable \"name\" {}\n", &options);
    let said = format!("{:?}", loaded.diagnostics);
    assert!(
        said.contains("holds no blocks, and there is one on line 2") && !said.contains("hunter2"),
        "{said}"
    );
}
