//! Plans in files: what they hold, when they are stale, and that nothing is written that cannot be finished.

#[path = "support/fake.rs"]
#[allow(dead_code, reason = "every test crate uses a part of it")]
mod fake;

use fake::Fake;
use reconciler::render::{self, Style};
use reconciler::saved::{self, NotApplied};
use reconciler::{
    Action, Address, Inventory, Journal, Loaded, Options, Plan, Policy, apply, load_text, plan,
};
use schemas::{Diagnostic, Method};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

/// A secret that must be seen nowhere.
const CANARY: &str = "canary-5e1f";

#[track_caller]
fn loaded(text: &str) -> Loaded {
    let declared = format!("variable \"password\" {{ sensitive = true }}\n{text}");
    let options = Options { variables: vec![("password".into(), CANARY.into())], ..Options::default() };
    let loaded = load_text("main.hcl", &declared, &options);
    assert!(!loaded.has_errors(), "{:#?}\n{text}", loaded.diagnostics);
    loaded
}

fn planned(server: &Fake, loaded: &Loaded, policy: &Policy) -> Plan {
    let inventory =
        run(Inventory::take(server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    plan(&loaded.desired, &inventory, policy)
}

fn applied(server: &Fake, plan: &Plan, loaded: &Loaded) -> Result<Journal, Vec<Diagnostic>> {
    run(apply(plan, server, &loaded.secrets, &|_, _| {}))
}

#[track_caller]
fn settle(server: &Fake, loaded: &Loaded) {
    let journal = applied(server, &planned(server, loaded, &Policy::default()), loaded).expect("all values");
    assert!(journal.is_complete(), "{}", render::journal(&journal, Style::plain()));
}

#[track_caller]
fn saved_and_read(server: &Fake, loaded: &Loaded, policy: &Policy) -> saved::Saved {
    let plan = planned(server, loaded, policy);
    assert!(plan.writes(), "{}", render::plan(&plan, Style::plain()));
    let text = saved::encode(&plan).expect("a plan that can be saved");
    assert!(!text.contains(CANARY), "{text}");
    saved::decode(&text).expect("a plan")
}

#[track_caller]
fn stale(server: &Fake, plan: saved::Saved) -> String {
    server.log.lock().expect("no panic").clear();
    let Err(NotApplied::Stale(changed)) = run(plan.check(server, "http://fake", &|_, _| {})) else {
        panic!("the plan is not stale")
    };
    assert!(server.log.lock().expect("no panic").iter().all(|(method, _)| *method == Method::Get));
    format!("{changed:?}")
}

/// A role that takes `field` from an auth method that stays as it is.
fn taking(field: &str) -> Loaded {
    loaded(&format!(
        "auth \"people\" {{\n  type = \"userpass\"\n}}\nauth \"m\" {{\n  type = \"approle\"\n  role \"app\" {{\n    \
         token_policies = [\"see-${{auth.people.{field}}}\"]\n    token_ttl = \"20m\"\n  }}\n}}\n"
    ))
}

#[test]
fn a_saved_plan_may_take_values_from_objects_that_it_does_not_write() {
    let (server, loaded) = (Fake::default(), taking("accessor"));
    settle(&server, &loaded);
    server.meddle("", "auth/m/role/app", "token_ttl", 5.into());
    let saved = saved_and_read(&server, &loaded, &Policy::default());
    let plan = run(saved.check(&server, "http://fake", &|_, _| {})).expect("not stale");
    let journal = applied(&server, &plan, &loaded).expect("all values");
    assert!(journal.is_complete(), "{}", render::journal(&journal, Style::plain()));
    assert!(!planned(&server, &loaded, &Policy::default()).writes());
}

#[test]
fn a_saved_plan_is_stale_when_a_value_that_it_takes_changed() {
    let (server, loaded) = (Fake::default(), taking("description"));
    server.store("sys/auth/people", "type", "userpass".into());
    server.meddle("", "sys/auth/people", "description", "one".into());
    let saved = saved_and_read(&server, &loaded, &Policy::default());
    server.meddle("", "sys/auth/people", "description", "two".into());
    let said = stale(&server, saved);
    assert!(said.contains("`description` of `auth.people` was changed"), "{said}");
}

#[test]
fn a_value_that_cannot_be_had_stops_an_apply_before_the_first_write() {
    let text = "auth \"people\" {\n  type = \"userpass\"\n  user \"demo\" { password_wo = var.password }\n}\n\
                mount \"kv\" {\n  type = \"kv\"\n  description = auth.people.user.demo.password_wo\n}\n";
    let (server, loaded) = (Fake::default(), loaded(text));
    let found = applied(&server, &planned(&server, &loaded, &Policy::default()), &loaded)
        .expect_err("no server shows a password");
    let said = format!("{found:?}");
    assert!(said.contains("`mount.kv`: `password_wo` of `auth.people.user.demo` cannot be had"), "{said}");
    assert!(found[0].place.is_some(), "{said}");
    assert!(!server.holds("sys/auth/people"), "something was written");
}

#[test]
fn a_field_that_stays_empty_stops_an_apply_before_the_first_write() {
    let (server, loaded) = (Fake::default(), taking("identity_token_key"));
    server.store("sys/auth/people", "type", "userpass".into());
    let plan = planned(&server, &loaded, &Policy::default());
    let found = applied(&server, &plan, &loaded).expect_err("there is no such value");
    assert!(found[0].detail.contains("the server shows no value of it"), "{found:?}");
    assert!(!server.holds("sys/auth/m"), "something was written");
}

const ENDPOINT: &str = "generic_endpoint \"some/path\" {\n  data_json = { a = var.password }\n}\n";

#[test]
fn a_saved_plan_is_stale_when_a_hidden_value_changed() {
    let (server, loaded) = (Fake::default(), loaded(ENDPOINT));
    settle(&server, &loaded);
    let address = Address::parse("generic_endpoint[\"some/path\"]").expect("an address");
    let policy = Policy { resend: [address].into(), ..Policy::default() };
    let saved = saved_and_read(&server, &loaded, &policy);
    server.meddle("", "some/path", "a", "meddled".into());
    let said = stale(&server, saved);
    assert!(said.contains("was changed since the plan was made") && !said.contains("meddled"), "{said}");
}

#[test]
fn a_hidden_field_of_another_object_stays_hidden() {
    let text = format!(
        "{ENDPOINT}mount \"kv\" {{\n  type = \"kv\"\n  description = \"x${{generic_endpoint[\"some/path\"].data_json}}\"\n}}\n"
    );
    let (server, first) = (Fake::default(), loaded(ENDPOINT));
    settle(&server, &first);
    let plan = planned(&server, &loaded(&text), &Policy::default());
    assert_eq!(plan.count(Action::Create), 1);
    let shown = format!("{plan:?}{}{}", render::plan(&plan, Style::plain()), render::plan_json(&plan));
    assert!(!shown.contains(CANARY), "{shown}");
}
