//! What is planned: `tests/plans/*.md`, each case a configuration, what is live, and the plan.

mod support;

use std::collections::BTreeMap;

use reconciler::render::{self, Style};
use reconciler::server::Identity;
use reconciler::{Address, Inventory, Live, Options, Policy, exit, load_text, plan};
use schemas::{Diagnostic, Record, Value, json};
use support::Case;

#[test]
fn plans_are_as_shown() {
    support::check_folder("plans", |case| {
        let plan = planned(case);
        render::plan(&plan, Style::plain())
    });
}

#[test]
fn drift_is_as_shown() {
    support::check_folder("drift", |case| render::drift(&planned(case), Style::plain()));
}

#[test]
fn drift_for_programs_ends_as_the_process_does() {
    // It differs, and mending it is blocked, since the mount would be made anew.
    let hcl = "mount \"kv\" {\n  type = \"kv\"\n  local = true\n}\n";
    let live = r#"{ "mount.kv": { "path": "kv", "type": "kv", "local": false } }"#;
    let blocks = [("hcl".to_owned(), hcl.to_owned()), ("json".to_owned(), live.to_owned())];
    let found = planned(&Case { title: String::new(), blocks: blocks.into() });
    let code = |report: &str| json::parse(report).expect("JSON").at("exit_code").as_i64();
    assert_eq!(code(&render::drift_json(&found)), Some(exit::of_drift(&found) as i64));
    assert_eq!(code(&render::plan_json(&found)), Some(exit::of_plan(&found) as i64));
    assert_ne!(exit::of_drift(&found), exit::of_plan(&found));
}

fn planned(case: &Case) -> reconciler::Plan {
    let block = |name: &str| case.blocks.get(name).map(String::as_str).unwrap_or_default();
    let loaded = load_text("main.hcl", block("hcl"), &Options::default());
    assert!(!loaded.has_errors(), "`{}`: {:#?}", case.title, loaded.diagnostics);
    let server = Identity { namespace: block("namespace").trim().to_owned(), ..Identity::default() };
    plan(&loaded.desired, &inventory(server, block("json")), &policy(block("flags")))
}

fn policy(flags: &str) -> Policy {
    let mut policy = Policy::default();
    for flag in flags.lines() {
        let (name, value) = flag.split_once(' ').unwrap_or((flag, ""));
        let address = || Address::parse(value).expect("an address");
        match name {
            "-destroy" => policy.destroy = true,
            "-target" => policy.targets.push(address()),
            "-replace" => drop(policy.replace.insert(address())),
            "-resend" => drop(policy.resend.insert(address())),
            other => panic!("no flag {other}"),
        }
    }
    policy
}

fn inventory(server: Identity, live: &str) -> Inventory {
    let objects = if live.is_empty() { Value::Null } else { json::parse(live).expect("JSON") };
    let objects: BTreeMap<Address, Live> = objects
        .as_map()
        .into_iter()
        .flatten()
        .map(|(address, value)| (Address::parse(address).expect("an address"), live_of(value)))
        .collect();
    Inventory::of(server, objects)
}

fn live_of(value: &Value) -> Live {
    match value {
        Value::Map(fields) => Live::Present(Record::from(fields.clone())),
        Value::String(text) if text == "unseen" => Live::Unseen,
        _ => Live::Unknown(Box::new(
            Diagnostic::error("the token may not do this: GET x")
                .hint("path \"x\" { capabilities = [\"read\"] }"),
        )),
    }
}
