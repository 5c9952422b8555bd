//! Every kind with the real `terraform`, on OpenBao and on our server: create, empty plan, update, a change behind
//! its back, import, destroy. Every example: applied, planned empty, destroyed.

use std::path::{Path, PathBuf};

use acceptance_tests::run::Ran;
use acceptance_tests::script::Script;
use acceptance_tests::{Flavor, Server, Terraform, cases, programs};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// What a case is run on.
const FLAVORS: [Flavor; 2] = [Flavor::OpenBaoDev, Flavor::OursDev];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for flavor in FLAVORS {
        let kinds = cases::folders(&programs::cases().join("kinds")).expect("the folder of the kinds");
        trials.extend(kinds.iter().map(|(name, folder)| trial(flavor, "kind", name, folder, life_of_a_kind)));
        let examples = examples().expect("the folder of the examples");
        trials.extend(
            examples.iter().map(|(name, folder)| trial(flavor, "example", name, folder, life_of_an_example)),
        );
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A check of one folder on a running server.
type Check = fn(&str, &Path, &Server) -> Result<(), String>;

fn trial(flavor: Flavor, sort: &str, name: &str, folder: &Path, check: Check) -> Trial {
    let (name, folder) = (name.to_owned(), folder.to_path_buf());
    let trial = Trial::test(format!("{sort}::{}::{name}", flavor.name()), move || -> Result<(), Failed> {
        Server::with(flavor, |server| check(&name, &folder, server))?;
        Ok(())
    });
    trial.with_ignored_flag(flavor.left_out() || programs::without("terraform"))
}

fn examples() -> Result<Vec<(String, PathBuf)>, String> {
    let root = programs::workspace().join("examples/kinds");
    let mut found = cases::folders(&root)?;
    for class in ["data", "ephemeral"] {
        let folders = cases::folders(&root.join(class))?;
        found.extend(folders.into_iter().map(|(name, folder)| (format!("{class}.{name}"), folder)));
    }
    Ok(found.into_iter().filter(|(_, folder)| folder.join("main.tf").is_file()).collect())
}

fn life_of_an_example(_: &str, folder: &Path, server: &Server) -> Result<(), String> {
    let terraform = Terraform::new(server)?;
    terraform.write("main.tf", &cases::text(&folder.join("main.tf"))?)?;
    terraform.apply()?;
    terraform.plan_empty("after the apply")?;
    terraform.destroy()?;
    Ok(())
}

fn life_of_a_kind(name: &str, folder: &Path, server: &Server) -> Result<(), String> {
    let terraform = Terraform::new(server)?;
    terraform.write_provider()?;
    terraform.write("main.tf", &cases::text(&folder.join("create.tf"))?)?;
    terraform.apply()?;
    terraform.plan_empty("after the apply")?;
    let address = format!("{name}.test");
    if let Some(update) = cases::optional_text(&folder.join("update.tf"))? {
        update_is_applied(&terraform, &update)?;
    }
    if let Some(drift) = cases::optional_text(&folder.join("drift.http"))? {
        let drift = filled(&drift, &terraform.attributes(&address)?);
        drift_is_seen_and_mended(&terraform, &drift, server)?;
    }
    if let Some(import) = cases::optional_text(&folder.join("import.txt"))? {
        Import::parse(&import)?.check(&terraform, &address, server)?;
    }
    if let Some(gone) = cases::optional_text(&folder.join("gone.http"))? {
        let gone = filled(&gone, &terraform.attributes(&address)?);
        terraform.destroy_only(&address)?;
        Script::parse(&gone)?.perform(server).map_err(|problem| format!("after the destroy: {problem}"))?;
    }
    terraform.destroy().map(drop)
}

fn update_is_applied(terraform: &Terraform, update: &str) -> Result<(), String> {
    terraform.write("main.tf", update)?;
    terraform.plan_changes("after the configuration changed")?;
    terraform.apply()?;
    terraform.plan_empty("after the update")
}

fn drift_is_seen_and_mended(terraform: &Terraform, drift: &str, server: &Server) -> Result<(), String> {
    Script::parse(drift)?.perform(server)?;
    terraform.plan_changes("after a change behind its back")?;
    terraform.apply()?;
    terraform.plan_empty("after the change was mended")
}

/// What `import.txt` says.
#[derive(Default)]
struct Import {
    id: String,
    ignored: Vec<String>,
    generated: Generated,
}

/// What is said of the configuration that terraform generates for an import.
#[derive(Default)]
enum Generated {
    /// Nothing.
    #[default]
    Untold,
    /// It plans nothing.
    Whole,
    /// It lacks this attribute, which the error names, and plans nothing once it is filled in.
    Lacks(String),
}

impl Import {
    fn parse(text: &str) -> Result<Self, String> {
        let mut import = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut import.id),
                Some(("ignored", attribute)) => {
                    import.ignored.push(with_reason(attribute)?.to_owned());
                }
                Some(("generated", "yes")) => import.generated = Generated::Whole,
                Some(("generated without", attribute)) => {
                    import.generated = Generated::Lacks(with_reason(attribute)?.to_owned());
                }
                _ => return Err(format!("import.txt: `{line}` is not understood")),
            }
        }
        match import.generated {
            Generated::Untold => {
                Err("import.txt: it does not say what `-generate-config-out` gives".to_owned())
            }
            Generated::Whole | Generated::Lacks(_) => Ok(import),
        }
    }

    fn check(&self, applied: &Terraform, address: &str, server: &Server) -> Result<(), String> {
        let wanted = applied.attributes(address)?;
        let id = filled(&self.id, &wanted);
        let importing = Terraform::new(server)?;
        importing.write_provider()?;
        importing.write("main.tf", &cases::text(&applied.folder().join("main.tf"))?)?;
        importing.import(address, &id)?;
        let found = importing.attributes(address)?;
        self.compare(&wanted, &known(&found), &format!("import of `{id}` gives another state"))?;
        self.plan_is_empty(&importing, address)?;
        let generating = generating(server, address, &id)?;
        match &self.generated {
            Generated::Lacks(attribute) => is_filled_in(&generating, attribute, &wanted[attribute.as_str()]),
            Generated::Untold | Generated::Whole => {
                let ran = generating.run(&GENERATE)?.expect(0, "plan with -generate-config-out")?;
                generated_configuration_plans_empty(&generating, &ran)
            }
        }
    }

    /// The configuration plans nothing for what was imported, but for what an import cannot know.
    fn plan_is_empty(&self, importing: &Terraform, address: &str) -> Result<(), String> {
        importing
            .run(&["plan", "-no-color", "-input=false", "-out=saved"])?
            .expect(0, "plan after the import")?;
        let plan = importing.show_plan("saved")?;
        let changes = plan["resource_changes"].as_array().into_iter().flatten();
        let change =
            changes.filter(|change| change["address"] == address).map(|change| &change["change"]).next();
        let change = change.ok_or_else(|| format!("`{address}` is not in the plan after its import"))?;
        if change["actions"] == serde_json::json!(["no-op"]) {
            return Ok(());
        }
        let unknown = change["after_unknown"].as_object().is_some_and(|unknown| !unknown.is_empty());
        if unknown || change["actions"] != serde_json::json!(["update"]) {
            return Err(format!("the plan after the import wants {}: {change}", change["actions"]));
        }
        self.compare(&change["before"], &change["after"], "the plan after the import")
    }

    fn compare(&self, wanted: &Value, found: &Value, problem: &str) -> Result<(), String> {
        let names = found.as_object().into_iter().flatten().map(|(name, _)| name);
        let differing: Vec<String> = names
            .filter(|name| !self.ignored.contains(name) && !is_same(&wanted[*name], &found[*name]))
            .map(|name| format!("`{name}`: {} and {}", wanted[name], found[name]))
            .collect();
        if differing.is_empty() { Ok(()) } else { Err(format!("{problem}\n{}", differing.join("\n"))) }
    }
}

/// What an import found. What it left null, and blocks, which it fills with the server's defaults, the configuration
/// decides; the plan tells whether that changes anything.
fn known(found: &Value) -> Value {
    let is_block = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    let fields = found.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| !value.is_null() && !is_block(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// States of the older SDK show zero values where there is no value; after an import there is none.
fn is_same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(name, value)| is_same(value, found.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            wanted.iter().zip(found).all(|(wanted, found)| is_same(wanted, found))
        }
        _ => wanted == found || (is_zero(wanted) && is_zero(found)),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
    }
}

/// `text` with every `{attribute}` replaced by its value.
fn filled(text: &str, attributes: &Value) -> String {
    let attributes = attributes.as_object().into_iter().flatten();
    attributes.fold(text.to_owned(), |text, (name, value)| match value.as_str() {
        Some(value) => text.replace(&format!("{{{name}}}"), value),
        None => text,
    })
}

/// An attribute that is said with a reason, as `attribute (reason)`.
fn with_reason(text: &str) -> Result<&str, String> {
    let (name, reason) = text.split_once(" (").unwrap_or((text, ""));
    if reason.is_empty() { Err(format!("import.txt: `{name}` has no reason")) } else { Ok(name) }
}

const GENERATE: [&str; 5] =
    ["plan", "-no-color", "-input=false", "-generate-config-out=generated.tf", "-out=saved"];

/// A folder with an `import` block alone.
fn generating(server: &Server, address: &str, id: &str) -> Result<Terraform, String> {
    let terraform = Terraform::new(server)?;
    terraform.write_provider()?;
    terraform.write("import.tf", &format!("import {{\n  to = {address}\n  id = \"{id}\"\n}}\n"))?;
    Ok(terraform)
}

/// What terraform generates has null in place of a secret: the error says which attribute is to be filled in, and with
/// that the rest plans nothing.
fn is_filled_in(terraform: &Terraform, attribute: &str, value: &Value) -> Result<(), String> {
    let refused = terraform.run(&GENERATE)?.expect(1, "plan with -generate-config-out")?;
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = said.split("a configuration that Terraform generates lacks its secrets; give ").nth(1);
    if !hint.is_some_and(|hint| hint.contains(&format!("`{attribute}`"))) {
        return Err(refused.failure(&format!("the error does not say that `{attribute}` is to be filled in")));
    }
    let generated = cases::text(&terraform.folder().join("generated.tf"))?;
    // Nobody knows a value that is sent and never stored; it is not sent again before its version changes.
    let value = value.as_str().unwrap_or("not-sent").replace("${", "$${");
    let is_attribute = |line: &&str| line.split_whitespace().next() == Some(attribute);
    let line = generated.lines().find(is_attribute).ok_or("the attribute is not generated")?;
    terraform.write(
        "generated.tf",
        &generated.replace(line, &format!("  {attribute} = {}", Value::from(value))),
    )?;
    let ran = terraform.run(&["plan", "-no-color", "-input=false", "-out=saved"])?;
    generated_configuration_plans_empty(terraform, &ran.expect(0, "plan with what was filled in")?)
}

/// The configuration that terraform wrote for an `import` block, and that was planned as `saved`.
fn generated_configuration_plans_empty(terraform: &Terraform, ran: &Ran) -> Result<(), String> {
    let plan = terraform.show_plan("saved")?;
    let changes = plan["resource_changes"].as_array().into_iter().flatten();
    let changing: Vec<String> = changes
        .filter(|change| change["change"]["actions"] != serde_json::json!(["no-op"]))
        .map(|change| change["address"].to_string())
        .collect();
    if changing.is_empty() {
        return Ok(());
    }
    let generated = cases::text(&terraform.folder().join("generated.tf"))?;
    Err(ran.failure(&format!("the generated configuration changes {}\n{generated}", changing.join(", "))))
}
