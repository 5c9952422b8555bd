//! Every kind with the reconciler, on OpenBao and on our server: create, empty plan, update, drift seen and mended,
//! destroy. Every example: applied, planned empty, destroyed.
//!
//! The reconciler has no import: it knows no other state than the server's, so an object that is there already, whoever
//! made it, plans nothing. That is what the plan after every apply shows, which is a process of its own.

use std::path::{Path, PathBuf};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::script::Script;
use acceptance_tests::{Flavor, Lockstep, Server, cases, programs};
use libtest_mimic::{Arguments, Failed, Trial};

/// What a case is run on.
const FLAVORS: [Flavor; 2] = [Flavor::OpenBaoDev, Flavor::OursDev];

// Exit codes of the reconciler.
const IN_SYNC: i32 = 0;
const CHANGES: i32 = 2;

/// What every secret of an example is: a password like any other, and a TOTP key in base32 too.
const SECRET: &str = "JBSWY3DPEHPK3PXP";

fn main() {
    let arguments = Arguments::from_args();
    let kinds = folders(&programs::cases().join("kinds"), "create.hcl");
    let examples = folders(&programs::workspace().join("examples/kinds"), "main.hcl");
    let stacks = folders(&programs::workspace().join("examples/stacks"), "root.hcl");
    let mut trials = Vec::new();
    for flavor in FLAVORS {
        trials.extend(kinds.iter().map(|(name, folder)| trial(flavor, "kind", name, folder, life_of_a_kind)));
        trials.extend(
            examples.iter().map(|(name, folder)| trial(flavor, "example", name, folder, example_is_applied)),
        );
        trials.extend(
            stacks.iter().map(|(name, folder)| trial(flavor, "stack", name, folder, example_is_applied)),
        );
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A check of one folder on a running server.
type Check = fn(&Path, &Server) -> Result<(), String>;

fn folders(parent: &Path, file: &str) -> Vec<(String, PathBuf)> {
    let folders = cases::folders(parent).expect("the folder of the cases");
    folders.into_iter().filter(|(_, folder)| folder.join(file).is_file()).collect()
}

fn trial(flavor: Flavor, sort: &str, name: &str, folder: &Path, check: Check) -> Trial {
    let folder = folder.to_path_buf();
    let trial = Trial::test(format!("{sort}::{}::{name}", flavor.name()), move || -> Result<(), Failed> {
        Server::with(flavor, |server| check(&folder, server))?;
        Ok(())
    });
    trial.with_ignored_flag(flavor.left_out())
}

fn example_is_applied(folder: &Path, server: &Server) -> Result<(), String> {
    let mut lockstep = Lockstep::new(server)?;
    for (name, path) in cases::all_files(folder)? {
        let text = cases::text(&path)?;
        variables(&text).for_each(|variable| lockstep.set(variable, SECRET));
        lockstep.write(&name, &text)?;
    }
    lockstep.expect(&["plan", "-out=plan.json", "."], CHANGES, "plan")?;
    lockstep.expect(&["apply", "plan.json"], IN_SYNC, "apply")?;
    lockstep.expect(&["plan", "."], IN_SYNC, "plan after the apply")?;
    lockstep.expect(&["drift", "."], IN_SYNC, "drift after the apply")?;
    is_destroyed(&lockstep, ".")
}

/// Names of the variables that a configuration takes secrets from.
fn variables(configuration: &str) -> impl Iterator<Item = &str> {
    configuration.split("secret.env(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

fn life_of_a_kind(folder: &Path, server: &Server) -> Result<(), String> {
    let mut lockstep = Lockstep::new(server)?;
    let environment = cases::optional_text(&folder.join("env"))?.unwrap_or_default();
    cases::environment(&environment).iter().for_each(|(name, value)| lockstep.set(name, value));
    lockstep.write("main.hcl", &cases::text(&folder.join("create.hcl"))?)?;
    is_applied(&lockstep, "create")?;
    if let Some(update) = cases::optional_text(&folder.join("update.hcl"))? {
        lockstep.write("main.hcl", &update)?;
        is_applied(&lockstep, "update")?;
    }
    if let Some(drift) = cases::optional_text(&folder.join("drift.http"))? {
        Script::parse(&drift)?.perform(server)?;
        drift_is_seen(&lockstep, folder)?;
    }
    is_destroyed(&lockstep, "main.hcl")?;
    // Most cases declare what holds the object as well, and without it every question about the object is refused.
    match cases::optional_text(&folder.join("gone.http"))? {
        Some(gone) => Script::parse(&gone)?.perform(server),
        None => Ok(()),
    }
}

/// Everything declared is deleted; nothing is left to delete then, and a plan would make all of it.
fn is_destroyed(lockstep: &Lockstep, path: &str) -> Result<(), String> {
    lockstep.expect(&["apply", "-destroy", "-auto-approve", path], IN_SYNC, "destroy")?;
    lockstep.expect(&["plan", "-destroy", path], IN_SYNC, "plan -destroy after the destroy")?;
    let planned = lockstep.expect(&["plan", path], CHANGES, "plan after the destroy")?;
    let only_creates = !planned.stdout.contains("to update") && !planned.stdout.contains("in sync");
    if only_creates { Ok(()) } else { Err(planned.failure("something is left after the destroy")) }
}

/// A change behind its back is seen and mended; where it cannot be seen, the report has to say so.
fn drift_is_seen(lockstep: &Lockstep, folder: &Path) -> Result<(), String> {
    let listed = Exceptions::read(&programs::cases().join("unverifiable.txt"), 1)?;
    let kind = folder.file_name().unwrap_or_default().to_string_lossy();
    if !listed.scopes().any(|listed| listed == kind) {
        lockstep.expect(&["drift", "main.hcl"], CHANGES, "drift after a change behind its back")?;
        return is_applied(lockstep, "mend");
    }
    let ran =
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift that cannot be seen (unverifiable.txt)")?;
    if ran.stdout.contains("not verifiable") {
        Ok(())
    } else {
        Err(ran.failure("drift does not say what it cannot see"))
    }
}

/// A plan sees changes, the saved plan does them, and nothing is left to do.
fn is_applied(lockstep: &Lockstep, step: &str) -> Result<(), String> {
    lockstep.expect(&["plan", "-out=plan.json", "main.hcl"], CHANGES, &format!("plan of the {step}"))?;
    lockstep.expect(&["apply", "-auto-approve", "plan.json"], IN_SYNC, &format!("apply of the {step}"))?;
    lockstep.expect(&["plan", "main.hcl"], IN_SYNC, &format!("plan after the {step}"))?;
    lockstep.expect(&["drift", "main.hcl"], IN_SYNC, &format!("drift after the {step}")).map(drop)
}
