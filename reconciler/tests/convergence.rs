//! What was just applied needs nothing more; and what else holds of a whole run, on a server in memory.

#[path = "support/fake.rs"]
#[allow(dead_code, reason = "every test crate uses a part of it")]
mod fake;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use fake::Fake;
use proptest::prelude::*;
use reconciler::render::{self, Style};
use reconciler::saved::{self, NotApplied};
use reconciler::{
    Action, Exit, Inventory, Journal, Loaded, Options, Outcome, Plan, Policy, apply, exit, load_text, plan,
};
use schemas::{Method, Secret, Value, json};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

#[track_caller]
fn loaded(text: &str) -> Loaded {
    let options = Options { variables: vec![("password".into(), CANARY.into())], ..Options::default() };
    let loaded = load_text("main.hcl", text, &options);
    assert!(!loaded.has_errors(), "{:#?}\n{text}", loaded.diagnostics);
    loaded
}

/// A secret that must be seen nowhere.
const CANARY: &str = "canary-5e1f";

fn planned(server: &Fake, loaded: &Loaded, policy: &Policy) -> Plan {
    let inventory =
        run(Inventory::take(server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    plan(&loaded.desired, &inventory, policy)
}

fn applied(server: &Fake, plan: &Plan, loaded: &Loaded) -> Journal {
    run(apply(plan, server, &loaded.secrets, &|_, _| {})).expect("all secrets")
}

#[track_caller]
fn check_converges(server: &Fake, loaded: &Loaded) {
    let first = planned(server, loaded, &Policy::default());
    let journal = applied(server, &first, loaded);
    assert!(journal.is_complete(), "{}", render::journal(&journal, Style::plain()));
    let second = planned(server, loaded, &Policy::default());
    assert!(!second.writes(), "{}", render::plan(&second, Style::plain()));
    assert_eq!(exit::of_plan(&second), Exit::Done);
}

/// Takes the value that [`loaded`] gives.
const PASSWORD: &str = "variable \"password\" { sensitive = true }\n";

const STACK: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}
policy "read" {
  path "kv/*" { capabilities = ["read"] }
}
mount "kv" {
  type        = "kv"
  description = "text"
  options     = { version = 1 }
}
auth "machines" {
  type = "approle"
  role "app" {
    token_policies = [policy.read, "see-${auth.people.accessor}"]
    token_ttl      = "20m"
  }
}
auth "people" {
  type = "userpass"
  user "demo" {
    password_wo    = trimspace(var.password)
    token_policies = [policy.read]
  }
}
"#;

#[test]
fn what_was_applied_needs_nothing_more() {
    check_converges(&Fake::default(), &loaded(STACK));
}

/// What `step` of `plan` does.
fn action(plan: &Plan, step: &str) -> Action {
    plan.steps.iter().find(|found| found.address.to_string() == step).expect("a step").action
}

#[test]
fn a_chain_of_values_is_followed_to_its_end() {
    let chain = |settings: &str| {
        loaded(&format!(
            "{PASSWORD}mount \"x\" {{\n  type = \"kv\"\n  {settings}\n}}\n\
             mount \"a\" {{\n  type = \"kv\"\n  description = \"see ${{mount.x.description}}\"\n}}\n\
             mount \"b\" {{\n  type = \"kv\"\n  description = mount.a.description\n}}\n\
             mount \"c\" {{\n  type = \"kv\"\n  description = \"${{mount.b.description}} (${{mount.a.accessor}})\"\n}}\n"
        ))
    };
    let server = Fake::default();
    check_converges(&server, &chain("description = \"one\""));
    let changed = chain("description = \"two\"");
    let shown = render::plan(&planned(&server, &changed, &Policy::default()), Style::plain());
    assert!(shown.contains("\"see two (accessor_a)\""), "{shown}");
    check_converges(&server, &changed);
    let description = |mount: &str| server.stored_value(&format!("sys/mounts/{mount}"), "description");
    assert_eq!(description("b"), Some("see two".into()));
}

#[test]
fn a_value_that_is_taken_on_keeps_the_form_it_is_declared_in() {
    let chain = |ttl: &str| {
        loaded(&format!(
            "{PASSWORD}auth \"m\" {{\n  type = \"approle\"\n\
             role \"a\" {{\n  token_ttl = \"{ttl}\"\n  }}\n\
             role \"b\" {{\n  token_ttl = auth.m.role.a.token_ttl\n  }}\n}}\n\
             mount \"c\" {{\n  type = \"kv\"\n  description = \"for ${{auth.m.role.b.token_ttl}}\"\n}}\n"
        ))
    };
    let server = Fake::default();
    let description = || server.stored_value("sys/mounts/c", "description");
    check_converges(&server, &chain("1h"));
    assert_eq!(description(), Some("for 1h".into()));

    // As the server answers it.
    server.meddle("", "auth/m/role/a", "token_ttl", 3600.into());
    server.meddle("", "auth/m/role/b", "token_ttl", 3600.into());
    server.meddle("", "sys/mounts/c", "description", "changed".into());
    let plan = planned(&server, &chain("1h"), &Policy::default());
    assert!(render::plan(&plan, Style::plain()).contains("\"for 1h\""));
    let text = saved::encode(&plan).expect("no literal");
    let plan = run(saved::decode(&text).expect("a plan").check(&server, "http://fake", &|_, _| {}));
    let journal = applied(&server, &plan.expect("not stale"), &chain("1h"));
    assert!(journal.is_complete(), "{}", render::journal(&journal, Style::plain()));
    assert_eq!(description(), Some("for 1h".into()));
    check_converges(&server, &chain("90m"));
    assert_eq!(description(), Some("for 90m".into()));
}

/// Objects of a large plan.
const MANY: usize = 1000;

#[test]
fn a_role_is_read_in_one_request_and_its_id_where_somebody_takes_it() {
    let roles: String =
        (0..MANY).map(|n| format!("  role \"r{n}\" {{\n    token_ttl = \"1h\"\n  }}\n")).collect();
    let auth = format!("{PASSWORD}auth \"m\" {{\n  type = \"approle\"\n{roles}}}\n");
    let server = Fake::default();
    let plain = loaded(&auth);
    applied(&server, &planned(&server, &plain, &Policy::default()), &plain);
    (0..MANY).for_each(|n| {
        server.store(&format!("auth/m/role/r{n}/role-id"), "role_id", format!("id-{n}").into())
    });
    let count = |loaded: &Loaded| {
        server.asked.store(0, Ordering::Relaxed);
        let plan = planned(&server, loaded, &Policy::default());
        (server.asked.load(Ordering::Relaxed), plan)
    };
    // Besides the roles: which server it is, all auth methods, and what is tuned of the one.
    let (asked, plan) = count(&plain);
    assert_eq!((asked, plan.writes()), (MANY + 3, false));

    let taking = loaded(&format!(
        "{auth}mount \"x\" {{\n  type = \"kv\"\n  description = auth.m.role.r7.role_id\n}}\n"
    ));
    let (asked, plan) = count(&taking);
    assert_eq!(asked, MANY + 5, "the one id, and the mounts");
    assert!(render::plan(&plan, Style::plain()).contains("\"id-7\""));
    check_converges(&server, &taking);
}

#[test]
fn a_chain_from_an_object_that_is_made_anew_is_known_afterwards() {
    let chain = |settings: &str| {
        loaded(&format!(
            "{PASSWORD}auth \"x\" {{\n  type = \"userpass\"\n  {settings}\n}}\n\
             mount \"a\" {{\n  type = \"kv\"\n  description = \"see ${{auth.x.accessor}}\"\n}}\n\
             mount \"b\" {{\n  type = \"kv\"\n  description = mount.a.description\n}}\n"
        ))
    };
    let server = Fake::default();
    check_converges(&server, &chain("local = false"));
    let address = reconciler::Address::parse("auth.x").expect("an address");
    let policy = Policy { replace: [address].into(), ..Policy::default() };
    let plan = planned(&server, &chain("local = true"), &policy);
    let actions = ["auth.x", "mount.a", "mount.b"].map(|step| action(&plan, step));
    assert_eq!(actions, [Action::Replace, Action::Update, Action::Update]);
}

#[test]
fn a_secret_is_taken_as_the_plan_makes_it() {
    let text = |mount: &str| {
        loaded(&format!(
            "{PASSWORD}mount \"x\" {{\n  type = \"kv\"\n}}\n\
             mount \"y\" {{\n  type = \"kv\"\n}}\n\
             generic_endpoint \"one\" {{\n  data_json = {{ a = mount.{mount}.accessor, k = var.password }}\n}}\n\
             mount \"two\" {{\n  type = \"kv\"\n  description = jsondecode(generic_endpoint[\"one\"].data_json).a\n}}\n"
        ))
    };
    let server = Fake::default();
    check_converges(&server, &text("x"));
    let second = text("y");
    let one = reconciler::Address::parse("generic_endpoint.one").expect("an address");
    let policy = Policy { resend: [one].into(), ..Policy::default() };
    assert!(applied(&server, &planned(&server, &second, &policy), &second).is_complete());
    assert_eq!(server.stored_value("sys/mounts/two", "description"), Some("accessor_y".into()));
}

#[test]
fn what_somebody_made_meanwhile_is_said_to_be_so() {
    let text = format!("{PASSWORD}policy \"read\" {{\n  path \"a\" {{ capabilities = [\"read\"] }}\n}}\n");
    let (server, loaded) = (Fake::default(), loaded(&text));
    let plan = planned(&server, &loaded, &Policy::default());
    assert!(applied(&server, &plan, &loaded).is_complete());
    let journal = applied(&server, &plan, &loaded);
    let Outcome::Failed { found, .. } = &journal.entries[0].outcome else { panic!("{journal:?}") };
    assert_eq!(found.summary, "a policy `read` exists already");
    assert_eq!(found.detail, "it was made since the plan was made");
    assert_eq!(found.hints, ["plan again"]);
}

#[test]
fn a_secret_of_the_server_is_read_in_the_namespace_of_what_names_it() {
    let server = Fake::default();
    server.store("kv/app", "p", "from-root".into());
    server.store_in("team", "kv/app", "p", "from-team".into());
    let mount = "mount \"x\" {\n  type = \"kv\"\n  description = upper(local.p)\n}\n";
    let text = format!(
        "{PASSWORD}locals {{\n  p = secret.kv(\"kv/app\", \"p\")\n}}\nnamespace \"team\" {{\n{mount}}}\n{mount}"
    );
    let loaded = loaded(&text);
    let saved = saved::save(&planned(&server, &loaded, &Policy::default()), &loaded).expect("a plan file");
    let saved = saved::decode(&saved).expect("what was saved");
    let plan = run(saved.check(&server, "http://fake", &|_, _| {})).expect("nothing changed");
    assert!(applied(&server, &plan, &loaded).is_complete());
    let description = |namespace| server.stored_value_in(namespace, "sys/mounts/x", "description");
    assert_eq!([description(""), description("team")], [Some("FROM-ROOT".into()), Some("FROM-TEAM".into())]);
}

#[test]
fn an_object_that_was_made_in_part_is_something_done() {
    // The method is made, and then tuning it is refused.
    let method = "auth \"x\" {\n  type = \"approle\"\n  tune {\n    max_lease_ttl = \"3h\"\n  }\n}\n";
    let loaded = loaded(&format!("{PASSWORD}{method}"));
    let outcome = |server: &Fake| {
        let plan = planned(server, &loaded, &Policy::default());
        let journal = applied(server, &plan, &loaded);
        (exit::of_apply(&plan, &journal), render::journal(&journal, Style::plain()))
    };
    let (exit, said) = outcome(&Fake::refusing("x/tune", 400));
    assert_eq!(exit, Exit::Partial, "{said}");
    assert!(said.ends_with("Apply: 1 failed, partly done.\n"), "{said}");
    let (exit, said) = outcome(&Fake::refusing("sys/auth/x", 400));
    assert_eq!(exit, Exit::Error, "{said}");
    assert!(said.ends_with("Apply: 1 failed.\n"), "{said}");
}

#[test]
fn a_secret_is_read_from_an_engine_of_either_version_whatever_way_it_says_that() {
    for (version, place) in
        [(Some("2".into()), "kv/data/app"), (Some(2.into()), "kv/data/app"), (None, "kv/app")]
    {
        let server = Fake::default();
        let options = version.map(|version: Value| ("version".to_owned(), version)).into_iter().collect();
        server.store("sys/internal/ui/mounts/kv/app", "path", "kv/".into());
        server.store("sys/internal/ui/mounts/kv/app", "options", Value::Map(options));
        let secret = Value::Map([("p".to_owned(), "a b".into())].into());
        match place {
            "kv/app" => server.store(place, "p", "a b".into()),
            _ => server.store(place, "data", secret),
        }
        let mount = "mount \"x\" {\n  type = \"kv\"\n  description = secret.kv(\"kv/app\", \"p\")\n}\n";
        let loaded = loaded(&format!("{PASSWORD}{mount}"));
        let plan = planned(&server, &loaded, &Policy::default());
        assert!(applied(&server, &plan, &loaded).is_complete());
        assert_eq!(server.stored_value("sys/mounts/x", "description"), Some("a b".into()), "{place}");
    }
}

/// A raw path that is not to be read.
const BLIND: &str =
    "generic_endpoint \"a/b\" {\n  disable_read = true\n  data_json = { p = var.password }\n}\n";

#[test]
fn what_nobody_looked_at_is_written_when_that_is_said_and_is_never_in_sync() {
    let (server, loaded) = (Fake::default(), loaded(&format!("{PASSWORD}{BLIND}")));
    let blind = reconciler::Address::parse("generic_endpoint[\"a/b\"]").expect("an address");
    let plan = planned(&server, &loaded, &Policy::default());
    assert_eq!(action(&plan, "generic_endpoint[\"a/b\"]"), Action::Unverifiable);
    assert!(applied(&server, &plan, &loaded).entries.is_empty() && !server.holds("a/b"));
    let resend = Policy { resend: [blind].into(), ..Policy::default() };
    for _ in 0..2 {
        let plan = planned(&server, &loaded, &resend);
        assert_eq!(run(apply::stale(&plan, &server, &|_, _| {})).expect("answers"), []);
        assert!(applied(&server, &plan, &loaded).is_complete());
        assert_eq!(server.stored_value("a/b", "p"), Some(CANARY.into()));
    }
    let destroy = planned(&server, &loaded, &Policy { destroy: true, ..Policy::default() });
    assert!(applied(&server, &destroy, &loaded).is_complete() && !server.holds("a/b"));
}

#[test]
fn a_path_that_answers_no_read_was_made_by_nobody() {
    let text = format!("{PASSWORD}generic_endpoint \"a/b\" {{\n  data_json = {{ p = var.password }}\n}}\n");
    let (server, loaded) = (Fake::refusing("a/b", 405), loaded(&text));
    let blind = reconciler::Address::parse("generic_endpoint[\"a/b\"]").expect("an address");
    let plan = planned(&server, &loaded, &Policy { resend: [blind].into(), ..Policy::default() });
    let journal = applied(&server, &plan, &loaded);
    let Outcome::Failed { found, .. } = &journal.entries[0].outcome else { panic!("{journal:?}") };
    assert!(!found.to_string().contains("since the plan was made"), "{found}");
}

fn check_kept_otherwise(description: &str) -> String {
    let mut server = Fake::default();
    server.capital = vec!["description"];
    let text = format!("{PASSWORD}mount \"kv\" {{\n  type = \"kv\"\n  description = {description}\n}}\n");
    let loaded = loaded(&text);
    let journal = applied(&server, &planned(&server, &loaded, &Policy::default()), &loaded);
    let Outcome::Failed { found, .. } = &journal.entries[0].outcome else { panic!("{journal:?}") };
    assert_eq!(found.summary, "`description` is not as declared after the write");
    assert!(found.hints[0].contains("the server may write it otherwise"), "{found:?}");
    found.detail.clone()
}

#[test]
fn what_the_server_keeps_otherwise_is_shown_unless_it_is_secret() {
    let said = check_kept_otherwise("\"text\"");
    assert!(said.contains("`description` is declared as `\"text\"`, and answered as `\"TEXT\"`"), "{said}");
    let said = check_kept_otherwise("var.password");
    assert!(!said.to_lowercase().contains(CANARY), "{said}");
}

#[test]
fn a_look_sends_reads_alone_and_writes_nothing() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    planned(&server, &loaded, &Policy::default());
    let log = server.log.lock().expect("no panic");
    assert!(log.iter().all(|(method, _)| matches!(method, Method::Get | Method::List)), "{log:?}");
}

#[test]
fn what_is_changed_elsewhere_is_mended_and_nothing_else_is_written() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    check_converges(&server, &loaded);
    server.meddle("", "auth/machines/role/app", "token_ttl", 5.into());
    server.log.lock().expect("no panic").clear();
    let plan = planned(&server, &loaded, &Policy::default());
    assert_eq!(plan.count(Action::Update), 1);
    assert!(applied(&server, &plan, &loaded).is_complete());
    let log = server.log.lock().expect("no panic").clone();
    let writes: Vec<_> =
        log.iter().filter(|(method, _)| *method != Method::Get).map(|(_, path)| path.as_str()).collect();
    assert_eq!(writes, ["auth/machines/role/app"]);
}

#[test]
fn destroy_leaves_nothing() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    check_converges(&server, &loaded);
    let plan = planned(&server, &loaded, &Policy { destroy: true, ..Policy::default() });
    assert!(applied(&server, &plan, &loaded).is_complete());
    for path in ["sys/policies/acl/read", "sys/mounts/kv", "sys/auth/machines", "auth/people/users/demo"] {
        assert!(!server.holds(path), "{path} is still there");
    }
}

#[test]
fn a_failure_leaves_out_what_needs_it_and_does_the_rest() {
    let server = Fake::refusing("sys/policies/acl/read", 500);
    let loaded = loaded(STACK);
    let sound = planned(&Fake::default(), &loaded, &Policy::default());
    let journal = applied(&server, &sound, &loaded);
    let outcome = |address: &str| {
        let entry = journal.entries.iter().find(|entry| entry.address.to_string() == address);
        entry.expect("an entry").outcome.clone()
    };
    assert!(matches!(outcome("policy.read"), Outcome::Failed { .. }));
    assert!(matches!(outcome("auth.machines.role.app"), Outcome::Skipped { .. }));
    assert_eq!(outcome("mount.kv"), Outcome::Applied);
    assert_eq!(exit::of_apply(&sound, &journal), Exit::Partial);
}

#[test]
fn a_refused_look_is_unknown_and_makes_the_run_incomplete() {
    let loaded =
        loaded(&format!("{PASSWORD}policy \"read\" {{\n  path \"a\" {{ capabilities = [\"read\"] }}\n}}\n"));
    let server = Fake::refusing("sys/policies/acl/read", 403);
    let plan = planned(&server, &loaded, &Policy::default());
    assert_eq!(plan.count(Action::Unknown), 1);
    assert_eq!(exit::of_plan(&plan), Exit::Incomplete);
    let shown = render::plan(&plan, Style::plain());
    assert!(shown.contains("capabilities = [\"read\"]"), "the missing stanza is not shown:\n{shown}");
}

#[test]
fn a_saved_plan_is_applied_as_it_was_made() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    let text = saved::encode(&planned(&server, &loaded, &Policy::default()))
        .expect("a plan without literal secrets");
    let plan = run(saved::decode(&text).expect("a plan").check(&server, "http://fake", &|_, _| {}))
        .expect("not stale");
    assert!(applied(&server, &plan, &loaded).is_complete());
    assert!(!planned(&server, &loaded, &Policy::default()).writes());
}

#[test]
fn a_saved_plan_is_stale_when_an_object_changed_and_nothing_is_written() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    check_converges(&server, &loaded);
    server.meddle("", "auth/machines/role/app", "token_ttl", 5.into());
    let text = saved::encode(&planned(&server, &loaded, &Policy::default()))
        .expect("a plan without literal secrets");
    server.meddle("", "auth/machines/role/app", "token_num_uses", 3.into());
    server.log.lock().expect("no panic").clear();
    let checked = run(saved::decode(&text).expect("a plan").check(&server, "http://fake", &|_, _| {}));
    let Err(NotApplied::Stale(changed)) = checked else { panic!("the plan is not stale") };
    assert!(changed[0].summary.contains("auth.machines.role.app"), "{changed:?}");
    assert!(server.log.lock().expect("no panic").iter().all(|(method, _)| *method == Method::Get));
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    let text = saved::encode(&planned(&server, &loaded, &Policy::default()))
        .expect("a plan without literal secrets");
    assert!(saved::decode(&text.replace("20m", "99h")).is_err());
    assert!(saved::decode("{}").is_err());
    assert!(saved::decode("not JSON").is_err());
}

#[test]
fn a_secret_is_in_no_plan_report_or_journal() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    let plan = planned(&server, &loaded, &Policy::default());
    let journal = applied(&server, &plan, &loaded);
    let again = planned(&server, &loaded, &Policy::default());
    let mut seen = vec![format!("{plan:?}{journal:?}{:?}{:?}", loaded.desired, loaded.diagnostics)];
    for plan in [&plan, &again] {
        seen.push(saved::encode(plan).expect("a plan without literal secrets"));
        seen.extend([render::plan(plan, Style::plain()), render::plan_json(plan), render::drift_json(plan)]);
        seen.push(render::drift(plan, Style::plain()));
    }
    seen.push(render::journal(&journal, Style::plain()));
    assert!(seen.iter().all(|text| !text.contains(CANARY)));
    let stored = run(async { server.holds("auth/people/users/demo") });
    assert!(stored, "the user was not made, so nothing was shown that could hold the secret");
}

#[test]
fn a_secret_that_the_server_shows_is_compared_once_it_was_fetched() {
    let text = "variable \"password\" { sensitive = true }\n\
        generic_endpoint \"some/path\" {\n  data_json = { a = var.password }\n}\n";
    let (server, loaded) = (Fake::default(), loaded(text));
    check_converges(&server, &loaded);
    server.meddle("", "some/path", "a", "meddled".into());
    assert_eq!(planned(&server, &loaded, &Policy::default()).count(Action::Unverifiable), 1);
    let mut inventory =
        run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    let missing = run(inventory.fetch_secrets(&server, &loaded.desired, &loaded.secrets, false));
    assert!(missing.expect("a server").is_empty());
    let compared = plan(&loaded.desired, &inventory, &Policy::default());
    assert_eq!(compared.count(Action::Update), 1);
    assert!(!format!("{compared:?}{}", render::plan(&compared, Style::plain())).contains(CANARY));
    assert!(applied(&server, &compared, &loaded).is_complete());
    let inventory =
        run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    assert_eq!(plan(&loaded.desired, &inventory, &Policy::default()).count(Action::Unverifiable), 1);
}

/// As OpenBao answers it. What was declared was seen to be there, so nothing of it is unverifiable.
#[test]
fn a_number_that_the_server_rounds_is_as_declared() {
    let text = "variable \"password\" { sensitive = true }\ngeneric_endpoint \"some/path\" {\n  \
                data_json = { a = var.password, big = nonsensitive(12345678901234567890) }\n}\n";
    let (server, loaded) = (Fake::default(), loaded(text));
    let first = planned(&server, &loaded, &Policy::default());
    assert!(applied(&server, &first, &loaded).is_complete());
    server.meddle("", "some/path", "big", json::parse("12345678901234567000").expect("a number"));
    let unfetched = planned(&server, &loaded, &Policy::default());
    assert_eq!(unfetched.count(Action::Unverifiable), 1, "{}", render::plan(&unfetched, Style::plain()));
    let mut inventory =
        run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    run(inventory.fetch_secrets(&server, &loaded.desired, &loaded.secrets, false)).expect("a server");
    let compared = plan(&loaded.desired, &inventory, &Policy::default());
    assert_eq!(compared.count(Action::None), 1, "{}", render::plan(&compared, Style::plain()));
    server.meddle("", "some/path", "big", json::parse("12345678901234560000").expect("a number"));
    assert_eq!(planned(&server, &loaded, &Policy::default()).count(Action::Update), 1);
}

#[test]
fn a_secret_that_cannot_be_had_stops_the_run_before_the_first_write() {
    let (server, loaded) = (Fake::default(), loaded(STACK));
    let plan = planned(&server, &loaded, &Policy::default());
    server.log.lock().expect("no panic").clear();
    let nothing: BTreeMap<String, Secret> = BTreeMap::new();
    let found = run(apply(&plan, &server, &nothing, &|_, _| {})).expect_err("the variable has no value");
    assert!(found[0].summary.contains("var:password"), "{found:?}");
    assert!(server.log.lock().expect("no panic").is_empty());
}

#[test]
fn a_plan_of_two_thousand_objects_takes_little_more_than_two_thousand_requests() {
    let text = r#"
        policy "p" {
          for_each = toset([for i in range(1000) : "p${i}"])
          path "kv/x" { capabilities = ["read"] }
        }
        auth "machines" {
          type = "approle"
          role "r" {
            for_each       = toset([for i in range(1000) : "r${i}"])
            token_policies = ["p1"]
          }
        }
    "#;
    let (server, loaded) = (Fake::default(), loaded(&format!("{PASSWORD}{text}")));
    check_converges(&server, &loaded);
    server.asked.store(0, Ordering::Relaxed);
    planned(&server, &loaded, &Policy::default());
    // One each for the identity, the table of auth methods and its tune; nobody asks for the ids of the roles.
    assert_eq!(server.asked.load(Ordering::Relaxed), 1000 + 1000 + 3);
}

fn check_other_type(server: &Fake, text: &str, policy: &Policy) {
    let plan = planned(server, &loaded(&format!("{PASSWORD}{text}")), policy);
    assert_eq!((plan.count(Action::Blocked), plan.count(Action::Delete)), (1, 0), "{plan:?}");
    assert_eq!(exit::of_plan(&plan), Exit::Blocked);
    let shown = render::plan(&plan, Style::plain());
    assert!(shown.contains("`ssh`") && shown.contains("`kv`"), "{shown}");
}

#[test]
fn a_mount_of_another_type_is_not_deleted() {
    let server = Fake::default();
    check_converges(&server, &loaded(&format!("{PASSWORD}mount \"m\" {{ type = \"kv\" }}\n")));
    let declared = "mount \"m\" { type = \"ssh\" }\n";
    check_other_type(&server, declared, &Policy { destroy: true, ..Policy::default() });
    check_other_type(&server, "removed {\n  from = mount.m\n  type = \"ssh\"\n}\n", &Policy::default());
    assert!(server.holds("sys/mounts/m"));
    let drift = planned(&server, &loaded(&format!("{PASSWORD}{declared}")), &Policy::default());
    assert_eq!(drift.count(Action::Blocked), 1);
    assert_eq!(exit::of_drift(&drift), Exit::Changes);
}

#[test]
fn a_saved_plan_is_for_one_namespace() {
    let (mut server, loaded) = (Fake::default(), loaded(STACK));
    server.namespace = "team9".to_owned();
    let text = saved::encode(&planned(&server, &loaded, &Policy::default())).expect("no literal secrets");
    server.namespace = String::new();
    let checked = run(saved::decode(&text).expect("a plan").check(&server, "http://fake", &|_, _| {}));
    let Err(NotApplied::Stale(found)) = checked else { panic!("the plan is not stale") };
    let said = &found[0].summary;
    assert!(said.contains("`team9`") && said.contains("the root namespace"), "{said}");
}

#[test]
fn a_refusal_names_the_absolute_namespace() {
    let mut server = Fake::refusing("sys/policies/acl/read", 403);
    server.namespace = "team9".to_owned();
    let loaded = loaded(STACK);
    let shown = render::plan(&planned(&server, &loaded, &Policy::default()), Style::plain());
    assert!(shown.contains("team9"), "{shown}");
}

#[test]
fn what_is_no_server_is_not_planned_for() {
    let server = Fake::refusing("sys/seal-status", 500);
    let loaded = loaded(STACK);
    let taken = run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {}));
    assert!(taken.is_err());
}

#[test]
fn an_apply_of_which_nothing_was_done_is_an_error() {
    let text = format!("{PASSWORD}policy \"read\" {{\n  path \"a\" {{ capabilities = [\"read\"] }}\n}}\n");
    let loaded = loaded(&text);
    let plan = planned(&Fake::default(), &loaded, &Policy::default());
    let journal = applied(&Fake::refusing("sys/policies/acl/read", 500), &plan, &loaded);
    assert_eq!(exit::of_apply(&plan, &journal), Exit::Error);
}

#[test]
fn an_apply_whose_write_was_not_answered_may_have_changed_something() {
    let text = format!("{PASSWORD}policy \"read\" {{\n  path \"a\" {{ capabilities = [\"read\"] }}\n}}\n");
    let loaded = loaded(&text);
    let mut server = Fake::default();
    server.silent = vec!["sys/policies/acl/read"];
    let plan = planned(&server, &loaded, &Policy::default());
    let journal = applied(&server, &plan, &loaded);
    assert_eq!(exit::of_apply(&plan, &journal), Exit::Partial);
    let said = reconciler::render::journal(&journal, reconciler::render::Style::plain());
    assert!(said.contains("policy.read  failed, perhaps done\n"), "{said}");
    assert!(
        said.contains("hint: nobody knows what became of a write, so it may have been done; plan again"),
        "{said}"
    );
    assert!(said.ends_with("Apply: 1 failed, perhaps done.\n"), "{said}");
    assert!(server.holds("sys/policies/acl/read"));
}

#[test]
fn each_instance_has_the_literal_secret_of_its_own() {
    let text = "auth \"people\" {\n  type = \"userpass\"\n  user \"u\" {\n    \
        for_each = { ann = \"one-1\", bob = \"two-2\" }\n    password_wo = each.value\n  }\n}\n";
    let options = Options { allow_literal_secrets: true, ..Options::default() };
    let loaded = load_text("main.hcl", text, &options);
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    let server = Fake::default();
    assert!(applied(&server, &planned(&server, &loaded, &Policy::default()), &loaded).is_complete());
    let stored = |user: &str| server.stored_value(&format!("auth/people/users/{user}"), "password");
    assert_eq!(stored("ann"), Some("one-1".into()));
    assert_eq!(stored("bob"), Some("two-2".into()));
}

#[test]
fn text_beside_a_secret_is_reported_or_at_least_not_saved() {
    let document = |entry: &str| {
        format!(
            "{PASSWORD}generic_endpoint \"some/path\" {{\n  data_json = jsonencode({{ k = var.password, {entry} }})\n}}\n"
        )
    };
    let options = Options { variables: vec![("password".into(), CANARY.into())], ..Options::default() };
    let refused = load_text("main.hcl", &document("pw = \"CLEAR\""), &options);
    assert!(
        format!("{:?}", refused.diagnostics).contains("holds a secret in clear"),
        "{:?}",
        refused.diagnostics
    );
    let plan = planned(&Fake::default(), &loaded(&document("user = \"CLEAR\"")), &Policy::default());
    let error = saved::encode(&plan).expect_err("a part in clear");
    assert!(!error.to_string().contains("CLEAR") && error.summary.contains("data_json"), "{error}");
    let allowing = Options { allow_literal_secrets: true, ..options };
    let allowed = load_text("main.hcl", &document("pw = \"CLEAR\""), &allowing);
    assert!(!allowed.has_errors(), "{:?}", allowed.diagnostics);
    assert!(!format!("{:?}", planned(&Fake::default(), &allowed, &Policy::default())).contains("CLEAR"));
}

#[test]
fn what_cannot_be_deleted_cannot_be_removed() {
    let text = "mount \"db\" { type = \"pki\" }\nremoved { from = mount.db.config }\n";
    let loaded = load_text("main.hcl", text, &Options::default());
    assert!(loaded.has_errors(), "it would be reported as deleted for ever");
}

#[test]
fn an_address_that_names_nothing_is_an_error_with_a_hint() {
    let address = |text: &str| reconciler::Address::parse(text).expect("an address");
    let loaded = loaded(STACK);
    let policy = Policy { targets: vec![address("policy.raed")], ..Policy::default() };
    let found = policy.check(&loaded.desired);
    assert!(format!("{found:?}").contains("there is `policy.read`"), "{found:?}");
    let sound = Policy { targets: vec![address("auth.people")], ..Policy::default() };
    assert!(sound.check(&loaded.desired).is_empty());
}

/// A configuration of policies, mounts and roles that name each other.
fn stack() -> impl Strategy<Value = String> {
    let name = "[a-z]{1,6}";
    let policies = prop::collection::btree_set(name, 0..4);
    let roles = prop::collection::btree_map(name, (0_u32..5000, prop::bool::ANY), 0..4);
    let mounts = prop::collection::btree_map(name, ("[ -!#-$&-~]{0,12}", 0_u32..9000), 0..3);
    (policies, roles, mounts).prop_map(|(policies, roles, mounts)| {
        let mut text = String::new();
        for name in &policies {
            text.push_str(&format!("policy \"{name}\" {{\n  path \"{name}/*\" {{ capabilities = [\"read\"] }}\n}}\n"));
        }
        for (name, (description, ttl)) in &mounts {
            let description = description.replace('\\', "/").replace('{', "(");
            text.push_str(&format!(
                "mount \"{name}\" {{\n  type = \"kv\"\n  description = \"{description}\"\n  default_lease_ttl_seconds = {ttl}\n}}\n"
            ));
        }
        text.push_str("auth \"m\" {\n  type = \"approle\"\n");
        for (name, (ttl, binds)) in &roles {
            let named: Vec<String> = policies.iter().map(|name| format!("policy.{name}")).collect();
            text.push_str(&format!(
                "  role \"{name}\" {{\n    token_ttl = \"{ttl}s\"\n    bind_secret_id = {binds}\n    token_policies = [{}]\n  }}\n",
                named.join(", ")
            ));
        }
        text.push_str("}\n");
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stack_converges_and_can_be_changed_into_any_other(first in stack(), second in stack()) {
        let server = Fake::default();
        check_converges(&server, &loaded(&format!("{PASSWORD}{first}")));
        check_converges(&server, &loaded(&format!("{PASSWORD}{second}")));
    }
}
