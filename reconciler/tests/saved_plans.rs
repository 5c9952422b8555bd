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
use schemas::{Diagnostic, Method, json};

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

#[test]
fn a_plan_of_another_namespace_is_stale_and_names_the_variable_to_set() {
    let saved = saved_and_read(&Fake::default(), &held(false), &Policy::default());
    let mut there = Fake::default();
    "team".clone_into(&mut there.namespace);
    let said = stale(&there, saved);
    assert!(said.contains("the plan was made in the root namespace"), "{said}");
    assert!(said.contains("set `BAO_NAMESPACE` or `VAULT_NAMESPACE` as it was"), "{said}");
}

#[test]
fn what_cannot_be_read_any_more_is_told_with_the_reason() {
    let saved = saved_and_read(&Fake::default(), &held(false), &Policy::default());
    let said = stale(&Fake::refusing("auth", 403), saved);
    assert!(said.contains("`auth.m` cannot be read any more") && said.contains("detail: \"no\""), "{said}");
    assert!(said.contains("a policy of"), "{said}");
}

/// An auth method with a role; the method is made anew when `local` changes.
fn held(local: bool) -> Loaded {
    loaded(&format!(
        "auth \"m\" {{\n  type = \"approle\"\n  local = {local}\n  role \"app\" {{ token_ttl = \"20m\" }}\n}}\n"
    ))
}

#[test]
fn a_saved_plan_may_replace_what_holds_others() {
    let (server, changed) = (Fake::default(), held(true));
    settle(&server, &held(false));
    let address = Address::parse("auth.m").expect("an address");
    let policy = Policy { replace: [address].into(), ..Policy::default() };
    let plan = planned(&server, &changed, &policy);
    assert_eq!((plan.count(Action::Replace), plan.count(Action::Create)), (1, 1));
    let look_again = || run(reconciler::apply::stale(&plan, &server, &|_, _| {})).expect("a server");
    assert_eq!(look_again(), []);
    let [saved, late] = [(), ()].map(|()| saved_and_read(&server, &changed, &policy));
    let checked = run(saved.check(&server, "http://fake", &|_, _| {})).expect("not stale");
    server.meddle("", "auth/m/role/app", "token_ttl", 5.into());
    assert_eq!(look_again().len(), 1);
    let said = stale(&server, late);
    assert!(said.contains("`auth.m.role.app` was changed"), "{said}");
    assert!(applied(&server, &checked, &changed).expect("all values").is_complete());
    assert!(!planned(&server, &changed, &Policy::default()).writes());
}

#[test]
fn a_saved_plan_is_stale_when_what_holds_its_objects_is_another_one() {
    let text = |ttl: &str| {
        loaded(&format!(
            "auth \"m\" {{\n  type = \"approle\"\n  role \"app\" {{ token_ttl = \"{ttl}\" }}\n}}\n"
        ))
    };
    let (server, changed) = (Fake::default(), text("30m"));
    settle(&server, &text("20m"));
    let plan = planned(&server, &changed, &Policy::default());
    let [saved, unmeant] = [(), ()].map(|()| saved_and_read(&server, &changed, &Policy::default()));
    server.meddle("", "sys/auth/m", "description", "says nothing of it".into());
    assert!(run(unmeant.check(&server, "http://fake", &|_, _| {})).is_ok());
    server.meddle("", "sys/auth/m", "type", "jwt".into());
    let again = run(reconciler::apply::stale(&plan, &server, &|_, _| {})).expect("a server");
    assert!(again.iter().any(|address| address.to_string() == "auth.m"), "{again:?}");
    let said = stale(&server, saved);
    assert!(said.contains("`type` of `auth.m` was changed"), "{said}");
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

/// Plans `text` on a server that has in its plain fields what the secret was before: `CANARY`.
#[track_caller]
fn check_rotated(text: &str, stored: &[(&str, &str, &str)]) {
    let server = Fake::default();
    for (path, field, value) in stored {
        server.store(path, field, json::parse(value).expect("JSON"));
    }
    let declared = format!("variable \"password\" {{ sensitive = true }}\n{text}");
    let options = Options { variables: vec![("password".into(), "25m".into())], ..Options::default() };
    let loaded = load_text("main.hcl", &declared, &options);
    assert!(!loaded.has_errors(), "{:#?}\n{text}", loaded.diagnostics);
    let mut inventory =
        run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    for _ in 0..2 {
        let plan = plan(&loaded.desired, &inventory, &Policy::default());
        let file = saved::save(&plan, &loaded).map_err(|unsaved| unsaved.found).expect("a file");
        let shown = [
            render::plan(&plan, Style::plain()),
            render::plan_json(&plan),
            render::drift(&plan, Style::plain()),
            render::drift_json(&plan),
            file,
        ];
        assert!(shown.iter().all(|text| !text.contains(CANARY) && !text.contains("424242")), "{shown:#?}");
        run(inventory.fetch_secrets(&server, &loaded.desired, &loaded.secrets, false)).expect("a server");
    }
    let plan = plan(&loaded.desired, &inventory, &Policy::default());
    assert!(
        plan.steps.iter().any(|step| !step.changes.is_empty()),
        "{}",
        render::plan(&plan, Style::plain())
    );
}

#[test]
fn what_a_secret_was_before_is_shown_nowhere() {
    let old = &*format!("\"{CANARY}\"");
    let mount = ("sys/mounts/kv", "type", "\"kv\"");
    let text = "mount \"kv\" {\n  type = \"kv\"\n  description = var.password\n}\n";
    check_rotated(text, &[mount, ("sys/mounts/kv", "description", old)]);
    check_rotated(
        &text.replace("var.password", "\"x-${var.password}\""),
        &[mount, ("sys/mounts/kv", "description", &format!("\"x-{CANARY}\""))],
    );
    let auth = ("sys/auth/m", "type", "\"approle\"");
    let role = |field: &str| {
        format!("auth \"m\" {{\n  type = \"approle\"\n  role \"app\" {{\n    {field}\n  }}\n}}\n")
    };
    let stored = "auth/m/role/app";
    check_rotated(&role("token_ttl = var.password"), &[auth, (stored, "token_ttl", "424242")]);
    check_rotated(
        &role("token_policies = [\"a\", var.password]"),
        &[auth, (stored, "token_policies", &format!("[\"a\", {old}]"))],
    );
}

#[test]
fn a_hidden_field_of_another_object_is_hidden_where_it_goes_as_well() {
    let (old, kv) = (format!("\"{CANARY}\""), "\"kv\"");
    let taking = |field: &str| format!("mount \"kv\" {{\n  type = \"kv\"\n  description = {field}\n}}\n");
    let stored = [("sys/mounts/kv", "type", kv), ("sys/mounts/kv", "description", &old)];
    check_rotated(&format!("{ENDPOINT}{}", taking("generic_endpoint[\"some/path\"].data_json")), &stored);
    let other = "mount \"other\" {\n  type = \"kv\"\n  description = var.password\n}\n";
    let chain =
        [stored[0], stored[1], ("sys/mounts/other", "type", kv), ("sys/mounts/other", "description", &old)];
    check_rotated(&format!("{other}{}", taking("\"see ${mount.other.description}\"")), &chain);
}

#[test]
fn a_saved_plan_is_stale_when_a_secret_in_a_plain_field_changed() {
    let loaded = loaded("mount \"kv\" {\n  type = \"kv\"\n  description = var.password\n}\n");
    let server = Fake::default();
    server.store("sys/mounts/kv", "type", "kv".into());
    server.meddle("", "sys/mounts/kv", "description", "one".into());
    let mut inventory =
        run(Inventory::take(&server, "http://fake", &loaded.desired, &|_, _| {})).expect("an inventory");
    run(inventory.fetch_secrets(&server, &loaded.desired, &loaded.secrets, false)).expect("a server");
    let plan = plan(&loaded.desired, &inventory, &Policy::default());
    let file = || saved::decode(&saved::encode(&plan).expect("a file")).expect("a plan");
    assert!(run(file().check(&server, "http://fake", &|_, _| {})).expect("not stale").writes());
    let saved = file();
    server.meddle("", "sys/mounts/kv", "description", "two".into());
    let said = stale(&server, saved);
    assert!(said.contains("was changed since the plan was made"), "{said}");
}

fn document(entries: &str) -> String {
    format!("generic_endpoint \"some/path\" {{\n  data_json = {{ k = var.password, {entries} }}\n}}\n")
}

#[test]
fn unmarked_text_beside_a_secret_is_not_saved_and_pointed_at() {
    let loaded = loaded(&document("user = \"CLEAR\""));
    let plan = planned(&Fake::default(), &loaded, &Policy::default());
    let unsaved = saved::save(&plan, &loaded).expect_err("text in clear");
    let said = render::diagnostics(&unsaved.found, &unsaved.sources, Style::plain());
    assert!(said.contains("user = \"*****\"") && said.contains("━━━━━━━"), "{said}");
    assert!(said.contains("nonsensitive(") && !said.contains("CLEAR"), "{said}");
}

/// What stands in clear beside a secret is in no file; nor is it shown by the refusal.
#[track_caller]
fn check_unsaved(entries: &str, clear: &str, allow_literal_secrets: bool) {
    let text = format!("variable \"password\" {{ sensitive = true }}\n{}", document(entries));
    let variables = vec![("password".into(), CANARY.into())];
    let loaded =
        load_text("main.hcl", &text, &Options { variables, allow_literal_secrets, ..Options::default() });
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    let plan = planned(&Fake::default(), &loaded, &Policy::default());
    let unsaved = saved::save(&plan, &loaded).expect_err("it stands in clear");
    let said = render::diagnostics(&unsaved.found, &unsaved.sources, Style::plain());
    assert!(!said.contains(clear) && said.contains("in clear"), "{said}");
    assert!(saved::encode(&plan).is_err());
}

#[test]
fn numbers_and_keys_in_clear_are_not_saved_either() {
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for literals in [false, true] {
        check_unsaved("pin = 1234987", "1234987", literals);
        check_unsaved("l = [{ n = -12.5 }]", "12.5", literals);
        check_unsaved("x = \"${nonsensitive(\"app\")}-${format(\"%d\", 1234987)}\"", "1234987", literals);
        check_unsaved("x = format(\"%s%d\", nonsensitive(\"app\"), 1234987)", "1234987", literals);
    }
    check_unsaved("password = 777666555", "777666555", true);
    check_unsaved(&format!("m = {{ \"{token}\" = true }}"), token, true);
    check_unsaved(&format!("m = jsondecode(var.password)[\"{token}\"]"), token, true);
}

#[test]
fn names_and_positions_are_nothing_in_clear() {
    let entries = "a = jsondecode(var.password)[\"db\"], b = jsondecode(var.password)[0], \
                   c = substr(var.password, 0, 8), \
                   m = { \"9f86d081884c7d659a2feaa0c55ad015\" = var.password }, d = substr(nonsensitive(\"apple\"), 0, 3), \
                   e = nonsensitive({ \"ghp_16C7e42F292c6912E7710c838347Ae178B4a\" = 1 })";
    let loaded = loaded(&document(entries));
    let plan = planned(&Fake::default(), &loaded, &Policy::default());
    let shown = render::plan(&plan, Style::plain());
    assert!(shown.contains("d = \"app\""), "{shown}");
    saved::save(&plan, &loaded).map_err(|unsaved| unsaved.found).expect("a file");
}

#[test]
fn marked_text_beside_a_secret_is_shown_saved_and_compared() {
    let loaded = loaded(&document(
        "user = nonsensitive(\"app\"), n = nonsensitive(1), on = true, l = [nonsensitive(\"x\")]",
    ));
    let server = Fake::default();
    let first = planned(&server, &loaded, &Policy::default());
    let shown = render::plan(&first, Style::plain());
    assert!(shown.contains("user = \"app\"") && shown.contains("k = (secret)"), "{shown}");
    let text = saved::save(&first, &loaded).map_err(|unsaved| unsaved.found).expect("a file");
    let saved = saved::decode(&text).expect("a plan");
    let again = run(saved.check(&server, "http://fake", &|_, _| {})).expect("not stale");
    assert!(applied(&server, &again, &loaded).expect("all values").is_complete());
    assert_eq!(server.stored_value("some/path", "user"), Some("app".into()));
    assert_eq!(planned(&server, &loaded, &Policy::default()).count(Action::Unverifiable), 1);
    server.meddle("", "some/path", "user", "other".into());
    let plan = planned(&server, &loaded, &Policy::default());
    assert_eq!(plan.count(Action::Update), 1, "{}", render::plan(&plan, Style::plain()));
    settle(&server, &loaded);
    assert_eq!(server.stored_value("some/path", "user"), Some("app".into()));
}

#[track_caller]
fn check_refused(entries: &str) {
    let text = format!("variable \"password\" {{ sensitive = true }}\n{}", document(entries));
    let options = Options { variables: vec![("password".into(), CANARY.into())], ..Options::default() };
    let refused = load_text("main.hcl", &text, &options);
    let said = render::diagnostics(&refused.diagnostics, &refused.sources, Style::plain());
    assert!(said.contains("`data_json` holds a secret in clear") && !said.contains("hunter2"), "{said}");
    assert!(said.contains("data_json = * ") && said.contains("━━━"), "{said}");
}

#[test]
fn text_that_looks_like_a_secret_is_refused_and_not_shown() {
    check_refused("url = \"postgres://app:hunter2@db/shop\"");
    check_refused("any = [\"ghp_16C7e42F292c6912E7710c838347Ae178B4a\"]");
    check_refused("pin_token = 4711");
    check_refused("m = { ghp_16C7e42F292c6912E7710c838347Ae178B4a = true, hunter2 = 1 }");
}

/// A plan of a sensitive variable of type `kind` that a file of values gives.
fn given_by_file(kind: &str, value: &str) -> (tempfile::TempDir, Options, Loaded) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("values.hcl");
    std::fs::write(&path, format!("words = {value}\n")).expect("writing");
    let options = Options { variable_files: vec![path], ..Options::default() };
    let text = format!(
        "variable \"words\" {{\n  type = {kind}\n  sensitive = true\n}}\n\
         generic_endpoint \"some/path\" {{\n  data_json = {{ w = var.words }}\n}}\n"
    );
    let loaded = load_text("main.hcl", &text, &options);
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    (folder, options, loaded)
}

#[test]
fn a_sensitive_variable_is_given_again_by_the_same_means() {
    let (_folder, options, loaded) = given_by_file("list(string)", "[\"one\", \"two\"]");
    let server = Fake::default();
    let plan = planned(&server, &loaded, &Policy::default());
    let text = saved::save(&plan, &loaded).map_err(|unsaved| unsaved.found).expect("a file");
    assert!(!text.contains("two"), "{text}");
    let saved = saved::decode(&text).expect("a plan");
    let values = reconciler::config::values(saved.variables(), &options).expect("values");
    let nothing = reconciler::config::values(saved.variables(), &Options::default()).expect("no values");
    let plan = run(saved.check(&server, "http://fake", &|_, _| {})).expect("not stale");
    let found = run(apply(&plan, &server, &nothing, &|_, _| {})).expect_err("no value");
    assert!(found[0].detail.contains("-var words=") && !server.holds("some/path"), "{found:?}");
    assert!(run(apply(&plan, &server, &values, &|_, _| {})).expect("all values").is_complete());
    assert!(format!("{:?}", server.stored_value("some/path", "w")).contains("two"));
}

#[track_caller]
fn check_unneeded(options: &Options, said: [&str; 2]) {
    let kinds = [("words".to_owned(), "string".to_owned())].into();
    let found = reconciler::config::values(&kinds, options).expect_err("a value that is not needed");
    let text = render::diagnostics(&found, &reconciler::Sources::default(), Style::plain());
    assert!(said.iter().all(|said| text.contains(said)), "{text}");
    assert!(
        text.contains("hint: give this value to `lockstep plan -out`") && !text.contains(CANARY),
        "{text}"
    );
}

#[test]
fn a_value_that_a_saved_plan_does_not_need_is_refused() {
    let pair = |name: &str| (name.to_owned(), CANARY.to_owned());
    let flags = Options { variables: vec![pair("words"), pair("word")], ..Options::default() };
    check_unneeded(&flags, ["cannot be applied with `-var word=…`", "there is `words`"]);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in
        [("v.hcl", format!("n = \"{CANARY}\"\n")), ("v.json", format!("{{\"n\": \"{CANARY}\"}}"))]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writing");
        let files = Options { variable_files: vec![path], ..Options::default() };
        check_unneeded(&files, ["cannot be applied with a value of `n`", name]);
    }
    let environment = Options { environment: vec![pair("n"), pair("words")], ..Options::default() };
    let kinds = [("words".to_owned(), "string".to_owned())].into();
    assert_eq!(reconciler::config::values(&kinds, &environment).expect("values").len(), 1);
}

#[test]
fn the_default_of_a_sensitive_variable_is_not_saved() {
    let text = "variable \"p\" {\n  default = \"CLEAR\"\n  sensitive = true\n}\n\
                generic_endpoint \"some/path\" {\n  data_json = { k = var.p }\n}\n";
    let loaded = load_text("main.hcl", text, &Options::default());
    let plan = planned(&Fake::default(), &loaded, &Policy::default());
    let unsaved = saved::save(&plan, &loaded).expect_err("a value of the configuration");
    let said = render::diagnostics(&unsaved.found, &unsaved.sources, Style::plain());
    assert!(said.contains("main.hcl:1:1") && !said.contains("CLEAR"), "{said}");
}

#[test]
fn secrets_that_are_not_at_hand_are_warned_of_by_a_plan_and_stop_an_apply_all_at_once() {
    let text = "generic_endpoint \"some/path\" {\n  data_json = {\n    a = secret.env(\"LOCKSTEP_TEST_UNSET_A\")\n    \
                b = secret.file(\"/nowhere/at/all\")\n  }\n}\n";
    let (server, loaded) = (Fake::default(), loaded(text));
    let plan = planned(&server, &loaded, &Policy::default());
    let warnings = reconciler::secrets::absent(&plan, &loaded);
    assert!(warnings.iter().all(|found| !found.is_error()), "{warnings:?}");
    let found = loaded.located(applied(&server, &plan, &loaded).expect_err("no secret"));
    for found in [warnings, found] {
        let said = render::diagnostics(&found, &loaded.sources, Style::plain());
        assert!(said.contains("main.hcl:4:9") && said.contains("main.hcl:5:9"), "{said}");
        assert!(said.contains("`LOCKSTEP_TEST_UNSET_A` is not set"), "{said}");
    }
    assert!(!server.holds("some/path"));
}
