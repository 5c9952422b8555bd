//! States that `hashicorp/vault` 5.11 wrote: our provider plans nothing on them, and applies their configurations.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use acceptance_tests::stand_in::{RECORDED, StandIn};
use acceptance_tests::{Flavor, Server, Terraform, cases, programs};
use libtest_mimic::{Arguments, Failed, Trial};

/// A server that several cases share: plans change nothing on it.
type Shared = Arc<OnceLock<Result<Server, String>>>;

fn main() {
    let arguments = Arguments::from_args();
    let folders = cases::folders(&programs::cases().join("compat/states")).expect("the folder of the cases");
    let restored = Shared::default();
    let mut trials = vec![snapshot_trial(&restored)];
    for (name, folder) in folders {
        trials.push(restored_trial(&name, &folder, &restored));
        for flavor in [Flavor::OpenBao, Flavor::Ours] {
            trials.push(from_nothing_trial(flavor, &name, &folder));
        }
    }
    drop(restored);
    libtest_mimic::run(&arguments, trials).exit();
}

fn snapshot_trial(restored: &Shared) -> Trial {
    let restored = Arc::clone(restored);
    let trial = Trial::test("snapshot_is_restored", move || {
        let token = server(&restored)?.must("GET", "auth/token/lookup-self", None)?;
        let policies = token.pointer("/data/policies").cloned();
        if policies == Some(serde_json::json!(["root"])) {
            Ok(())
        } else {
            Err(Failed::from("no root token"))
        }
    });
    trial.with_ignored_flag(programs::without("openbao"))
}

fn restored_trial(name: &str, folder: &Path, restored: &Shared) -> Trial {
    let (folder, restored) = (folder.to_path_buf(), Arc::clone(restored));
    let trial = Trial::test(format!("restored::{name}"), move || {
        let server = server(&restored)?;
        plans_nothing(&folder, server).map_err(|problem| server.explain(&problem))?;
        Ok(())
    });
    trial.with_ignored_flag(programs::without("openbao") || programs::without("terraform"))
}

fn from_nothing_trial(flavor: Flavor, name: &str, folder: &Path) -> Trial {
    let folder = folder.to_path_buf();
    let trial = Trial::test(format!("from_nothing::{}::{name}", flavor.name()), move || {
        Server::with(flavor, |server| applies_and_destroys(&folder, server))?;
        Ok(())
    });
    trial.with_ignored_flag(flavor.left_out() || programs::without("terraform"))
}

fn server(shared: &Shared) -> Result<&Server, String> {
    shared.get_or_init(|| Server::start(Flavor::OpenBaoRestored)).as_ref().map_err(Clone::clone)
}

fn plans_nothing(case: &Path, server: &Server) -> Result<(), String> {
    let terraform = prepare(case, server, RECORDED)?;
    terraform.write("terraform.tfstate", &cases::text(&case.join("terraform.tfstate"))?)?;
    terraform.replace_provider()?;
    terraform.plan_empty("on the incumbent's state")
}

fn applies_and_destroys(case: &Path, server: &Server) -> Result<(), String> {
    let stand_in = StandIn::start()?;
    let before = inventory(server)?;
    let terraform = prepare(case, server, &stand_in.address)?;
    terraform.apply()?;
    terraform.plan_empty("after the apply")?;
    if let Some(update) = cases::optional_text(&case.join("update/main.tf"))? {
        terraform.write("main.tf", &ours(&update, &stand_in.address))?;
        terraform.apply()?;
        terraform.plan_empty("after the update")?;
    }
    terraform.destroy()?;
    let after = inventory(server)?;
    if before == after { Ok(()) } else { Err(format!("left behind\nbefore: {before:?}\nafter:  {after:?}")) }
}

fn prepare(case: &Path, server: &Server, stand_in: &str) -> Result<Terraform, String> {
    let mut terraform = Terraform::new(server)?;
    terraform.write("main.tf", &ours(&cases::text(&case.join("main.tf"))?, stand_in))?;
    let environment = cases::optional_text(&case.join("env"))?.unwrap_or_default();
    for (name, value) in cases::environment(&environment) {
        terraform.set(&name, &value);
    }
    Ok(terraform)
}

/// The configuration, with our provider and the running stand-in in the place of the recorded ones.
fn ours(configuration: &str, stand_in: &str) -> String {
    configuration.replace("\"hashicorp/vault\"", "\"lockstep/vault\"").replace(RECORDED, stand_in)
}

/// Names of what a case can leave behind.
fn inventory(server: &Server) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for path in ["sys/mounts", "sys/auth"] {
        let answer = server.must("GET", path, None)?;
        let mounts = answer["data"].as_object().into_iter().flatten();
        found.extend(mounts.map(|(name, _)| format!("{path}/{name}")));
    }
    for path in ["sys/policies/acl", "sys/policies/password", "sys/namespaces", "auth/token/roles"] {
        let (_, answer) = server.request("LIST", path, "", None)?;
        let keys = answer.pointer("/data/keys").and_then(|keys| keys.as_array()).into_iter().flatten();
        found.extend(keys.map(|key| format!("{path}/{key}")));
    }
    Ok(found)
}
