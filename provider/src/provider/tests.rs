use std::sync::Arc;

use tf::Provider as _;

use super::*;

fn provider(variables: &'static [(&str, &str)]) -> VaultProvider {
    let found = |name: &str| variables.iter().find(|(key, _)| *key == name);
    VaultProvider::with_environment(Environment::new(move |name| Some(found(name)?.1.to_owned())))
}

fn schema_of(type_name: &str) -> Arc<tf::Schema> {
    Arc::new(schema::provider().resources.remove(type_name).expect("a resource of that type"))
}

async fn upgraded(type_name: &str, version: i64, state: tf::RawState) -> tf::UpgradeResponse {
    let schema = schema_of(type_name);
    let request = tf::UpgradeRequest { type_name: type_name.to_owned(), version, state, schema };
    provider(&[]).upgrade_resource_state(request).await
}

/// Upgrades a state of version 0 and compares one attribute, to show that the state was understood.
#[track_caller]
fn check_upgrade(type_name: &str, state: &str, attribute: &str, expected: tf::Value) {
    let state = tf::RawState::Json(state.as_bytes().to_vec());
    let response = run(upgraded(type_name, 0, state));
    assert!(response.diagnostics.is_empty(), "{:?}", response.diagnostics);
    let state = response.state.expect("a state");
    assert_eq!(state.attribute(attribute), &expected);
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

#[test]
fn states_of_the_version_before_are_read() {
    check_upgrade(
        "vault_auth_backend",
        r#"{"id": "github", "type": "github", "path": "github", "description": "d",
            "default_lease_ttl_seconds": 3600, "max_lease_ttl_seconds": null, "listing_visibility": "",
            "local": false, "accessor": "auth_github_1"}"#,
        "path",
        "github".into(),
    );
    check_upgrade(
        "vault_generic_secret",
        r#"{"id": "secret/foo", "path": "secret/foo", "allow_read": true, "disable_read": false,
            "data_json": "{\"a\":\"b\"}"}"#,
        "data_json",
        r#"{"a":"b"}"#.into(),
    );
    check_upgrade(
        "vault_generic_endpoint",
        r#"{"id": "auth/userpass/users/u1", "path": "auth/userpass/users/u1", "disable_delete": false,
            "disable_read": true, "ignore_absent_fields": true, "data_json": "{}", "write_data": {},
            "write_data_json": "null", "write_fields": null}"#,
        "disable_read",
        true.into(),
    );
    check_upgrade(
        "vault_jwt_auth_backend",
        r#"{"id": "jwt", "path": "jwt", "type": "jwt", "bound_issuer": "", "accessor": "a",
            "jwt_supported_algs": [], "provider_config": {}, "tune": [], "local": false}"#,
        "type",
        "jwt".into(),
    );
}

#[test]
fn an_upgraded_type_was_of_a_version_before() {
    let types =
        ["vault_auth_backend", "vault_generic_secret", "vault_generic_endpoint", "vault_jwt_auth_backend"];
    for type_name in types {
        assert_eq!(schema_of(type_name).version, 1, "{type_name}");
    }
}

#[test]
fn a_state_of_terraform_0_11_is_refused_with_the_way_out() {
    let state = tf::RawState::Flatmap([("id".to_owned(), "dev".to_owned())].into());
    let response = run(upgraded("vault_policy", 0, state));
    assert!(response.state.is_none());
    let shown = format!("{:?}", response.diagnostics);
    assert!(shown.contains("Terraform 0.11 or older"), "{shown}");
    assert!(shown.contains("hint:"), "{shown}");
}

#[test]
fn a_state_of_a_newer_provider_is_refused() {
    let response = run(upgraded("vault_policy", 7, tf::RawState::Json(b"{}".to_vec())));
    assert!(response.state.is_none());
    assert_eq!(response.diagnostics.len(), 1);
}

#[test]
fn a_state_that_does_not_fit_names_the_attribute() {
    let state = tf::RawState::Json(br#"{"id": "p", "name": ["hunter2"], "policy": ""}"#.to_vec());
    let shown = format!("{:?}", run(upgraded("vault_policy", 0, state)).diagnostics);
    assert!(shown.contains("name") && !shown.contains("hunter2"), "{shown}");
}

async fn imported(provider: &VaultProvider, type_name: &str, id: &str) -> tf::ImportResponse {
    let request = tf::ImportRequest {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
        capabilities: tf::ClientCapabilities::default(),
    };
    provider.import_resource_state(request).await
}

#[test]
fn an_import_takes_its_namespace_from_the_environment() {
    let namespaced = provider(&[("TERRAFORM_VAULT_NAMESPACE_IMPORT", "team/a")]);
    let response = run(imported(&namespaced, "vault_policy", "dev"));
    let state = &response.imported[0].state;
    assert_eq!(state.attribute("namespace"), &"team/a".into());
    assert_eq!(state.attribute("name"), &"dev".into());
    let response = run(imported(&provider(&[]), "vault_policy", "dev"));
    assert_eq!(response.imported[0].state.attribute("namespace"), &tf::Value::Null);
}

#[test]
fn an_import_id_that_does_not_fit_shows_the_form() {
    let response = run(imported(&provider(&[]), "vault_approle_auth_backend_role", "nonsense"));
    let shown = format!("{:?}", response.diagnostics);
    assert!(response.imported.is_empty());
    assert!(shown.contains("`nonsense` is no import id") && shown.contains("the id has the form"), "{shown}");
}

/// What is wrong with a configuration as Terraform generates it: secrets are null there.
#[track_caller]
fn check_generated(name: &str, attributes: &[(&str, &str)], missing: &str) {
    let kind = kinds::find(Class::Resource, name).expect("a kind");
    let config = attributes.iter().fold(Record::new(), |record, (name, value)| record.with(*name, *value));
    let request = tf::ValidateRequest {
        type_name: kind.terraform_name(),
        config: convert::object(kind, &config),
        capabilities: tf::ClientCapabilities::default(),
    };
    let shown = format!("{:?}", run(provider(&[]).validate_resource_config(request)));
    let hint = format!("a configuration that Terraform generates lacks its secrets; give {missing} there");
    assert!(shown.contains(&hint), "{shown}");
}

#[test]
fn a_generated_configuration_without_its_secret_is_refused_with_the_way_out() {
    check_generated("kv_secret_v2", &[("mount", "kv"), ("name", "app")], "`data_json`");
    let user = [("mount", "userpass"), ("username", "ada")];
    check_generated("userpass_auth_backend_user", &user, "`password_hash_wo` or `password_wo`");
}

/// The provider block with the attributes named, and everything else null.
fn provider_block(attributes: &[(&str, tf::Value)]) -> tf::Value {
    let block = schema::provider().provider.block;
    let mut object: std::collections::BTreeMap<_, _> =
        block.attributes.iter().map(|attribute| (attribute.name.clone(), tf::Value::Null)).collect();
    object.extend(block.blocks.iter().map(|nested| (nested.name.clone(), tf::Value::List(Vec::new()))));
    object.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    tf::Value::Object(object)
}

async fn configured(provider: &VaultProvider, attributes: &[(&str, tf::Value)]) -> Vec<tf::Diagnostic> {
    let request = tf::ConfigureRequest {
        terraform_version: "1.11.4".to_owned(),
        config: provider_block(attributes),
        capabilities: tf::ClientCapabilities::default(),
    };
    provider.configure(request).await
}

fn policy(attributes: &[(&str, tf::Value)]) -> tf::Value {
    let kind = kinds::find(Class::Resource, "policy").expect("a kind");
    let mut record = Record::new();
    for (name, value) in attributes {
        record.set(*name, convert::from_terraform(value));
    }
    convert::object(kind, &record)
}

async fn read_policy(provider: &VaultProvider) -> tf::ReadResponse {
    let request = tf::ReadRequest {
        type_name: "vault_policy".to_owned(),
        current_state: policy(&[("id", "dev".into()), ("name", "dev".into())]),
        private: b"kept".to_vec(),
        capabilities: tf::ClientCapabilities::default(),
    };
    provider.read_resource(request).await
}

#[test]
fn an_unknown_provider_argument_is_an_error_only_when_the_server_is_needed() {
    run(async {
        let provider = provider(&[]);
        assert_eq!(configured(&provider, &[("address", tf::Value::Unknown)]).await.len(), 0);
        let config = policy(&[("name", "dev".into()), ("policy", "".into())]);
        let request = tf::PlanRequest {
            type_name: "vault_policy".to_owned(),
            prior_state: tf::Value::Null,
            proposed_new_state: config.clone(),
            config,
            prior_private: Vec::new(),
            capabilities: tf::ClientCapabilities::default(),
        };
        let planned = provider.plan_resource_change(request).await;
        assert!(planned.diagnostics.is_empty(), "{:?}", planned.diagnostics);
        let shown = format!("{:?}", read_policy(&provider).await.diagnostics);
        assert!(shown.contains("The provider's `address` is not known yet"), "{shown}");
    });
}

#[test]
fn an_unreachable_server_is_one_sentence_and_names_the_address() {
    run(async {
        let provider = provider(&[("VAULT_TOKEN", "s.hunter2"), ("VAULT_MAX_RETRIES", "0")]);
        let found = configured(&provider, &[("address", "http://127.0.0.1:1".into())]).await;
        assert!(found.is_empty());
        let shown = format!("{:?}", read_policy(&provider).await.diagnostics);
        assert!(shown.contains("The server at `http://127.0.0.1:1` cannot be reached"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    });
}

#[test]
fn what_has_no_effect_is_a_warning_of_configure() {
    let found = run(async { configured(&provider(&[]), &[("add_address_to_env", "true".into())]).await });
    let shown = format!("{found:?}");
    assert!(found.len() == 1 && shown.contains("`add_address_to_env` has no effect"), "{shown}");
}

#[test]
fn private_data_is_left_to_be_carried() {
    // None tells the protocol layer to keep what is there; it has tests that it does.
    run(async {
        let provider = provider(&[]);
        configured(&provider, &[]).await;
        assert_eq!(read_policy(&provider).await.private, None);
    });
}

#[test]
fn a_mount_that_moved_and_then_failed_is_looked_for_at_its_new_path() {
    let kind = kinds::find(Class::Resource, "mount").expect("a kind");
    let at = |path: &str| Record::new().with("path", path).with("id", path).with("type", "kv");
    let found = |prior: Option<Record>, desired: Record, effect: Effect| -> Vec<String> {
        let places = places(kind, prior.as_ref(), &desired, effect);
        places.iter().map(|place| format!("{} {}", place.text("path"), place.text("id"))).collect()
    };
    assert_eq!(found(Some(at("from")), at("to"), Effect::Something), ["to to", "from from"]);
    assert_eq!(found(Some(at("from")), at("to"), Effect::Unknown), ["from from", "to to"]);
    assert_eq!(found(Some(at("from")), at("to"), Effect::Nothing), ["from from"]);
    assert_eq!(found(Some(at("from")), at("from/"), Effect::Something), ["from from"]);
    assert_eq!(found(None, at("to"), Effect::Something), ["to to"]);
}

#[test]
fn odd_provider_blocks_make_no_panic() {
    let odd = [
        tf::Value::Null,
        tf::Value::Bool(true),
        tf::Value::List(vec![tf::Value::Null]),
        tf::Value::List(vec![tf::Value::Unknown]),
        tf::Value::Map([("path".to_owned(), tf::Value::Null)].into()),
        "".into(),
        "\u{0}\n".into(),
    ];
    let schema = schema::provider().provider.block;
    let attributes = schema.attributes.iter().map(|attribute| attribute.name.clone());
    let names: Vec<_> = attributes.chain(schema.blocks.iter().map(|nested| nested.name.clone())).collect();
    for name in &names {
        for value in &odd {
            run(async {
                let provider = provider(&[("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_MAX_RETRIES", "0")]);
                configured(&provider, &[(name, value.clone())]).await;
                let read = read_policy(&provider).await;
                assert!(!read.diagnostics.is_empty(), "{name}");
            });
        }
    }
}
