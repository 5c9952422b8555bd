//! Calls as Terraform makes them, without the connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use prost::Message;

use super::*;
use crate::{
    ApplyResponse, Attribute, AttributePath, Block, ConfigureRequest, PlanResponse, ProviderSchema,
    ReadResponse, Schema, Type, msgpack,
};

/// Does what the title of the thing says.
struct Moody;

fn block() -> Block {
    let attributes = vec![
        Attribute::required("mood", Type::String),
        Attribute::computed("id", Type::String),
        Attribute { write_only: true, ..Attribute::optional("secret_wo", Type::String) },
    ];
    Block { attributes, ..Block::default() }
}

fn thing(mood: &str, id: Value, secret: Value) -> Value {
    Value::object([("mood", mood.into()), ("id", id), ("secret_wo", secret)])
}

fn act(value: &Value) -> Option<Value> {
    match value.attribute("mood").as_str() {
        Some("crash") => panic!("in a mood"),
        Some("misfit") => Some(Value::object([("mood", true)].map(|(name, truth)| (name, truth.into())))),
        Some("silent") => None,
        _ => Some(value.clone()),
    }
}

#[async_trait]
impl Provider for Moody {
    fn schema(&self) -> ProviderSchema {
        let thing = Schema { version: 3, block: block() };
        ProviderSchema { resources: BTreeMap::from([("test_thing".into(), thing)]), ..Default::default() }
    }

    async fn configure(&self, _: ConfigureRequest) -> Vec<Diagnostic> {
        Vec::new()
    }

    async fn read_resource(&self, request: ReadRequest) -> ReadResponse {
        ReadResponse { new_state: act(&request.current_state), ..Default::default() }
    }

    async fn plan_resource_change(&self, request: PlanRequest) -> PlanResponse {
        assert!(
            request.proposed_new_state.attribute("secret_wo").is_null(),
            "write-only values are not state"
        );
        assert_eq!(request.config.attribute("secret_wo"), &"hunter2".into());
        // As a provider does that forgot what write-only means.
        PlanResponse {
            planned_state: act(&request.config),
            requires_replace: vec![AttributePath::attribute("mood")],
            legacy_type_system: true,
            ..Default::default()
        }
    }

    async fn apply_resource_change(&self, request: ApplyRequest) -> ApplyResponse {
        let new_state = act(&request.planned_state);
        ApplyResponse { new_state, legacy_type_system: true, ..Default::default() }
    }
}

fn service() -> ProviderService<Moody> {
    ProviderService::new(Session::new(Moody))
}

fn dynamic(value: &Value) -> Option<proto::DynamicValue> {
    let msgpack = msgpack::encode(value, &block().implied_type()).expect("it fits");
    Some(proto::DynamicValue { msgpack, json: Vec::new() })
}

fn value(dynamic: Option<proto::DynamicValue>) -> Value {
    msgpack::decode(&dynamic.expect("a value").msgpack, &block().implied_type()).expect("it fits")
}

fn summaries(diagnostics: &[proto::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()).collect()
}

async fn apply(prior: &Value, planned: &Value) -> proto::apply_resource_change::Response {
    let request = proto::apply_resource_change::Request {
        type_name: "test_thing".into(),
        prior_state: dynamic(prior),
        planned_state: dynamic(planned),
        config: dynamic(planned),
        planned_private: b"private".to_vec(),
        provider_meta: None,
    };
    service().apply_resource_change(Request::new(request)).await.expect("no gRPC error").into_inner()
}

async fn plan(mood: &str) -> proto::plan_resource_change::Response {
    let proposed = dynamic(&thing(mood, Value::Unknown, "hunter2".into()));
    let request = proto::plan_resource_change::Request {
        type_name: "test_thing".into(),
        prior_state: dynamic(&Value::Null),
        proposed_new_state: proposed.clone(),
        config: proposed,
        prior_private: b"private".to_vec(),
        ..Default::default()
    };
    service().plan_resource_change(Request::new(request)).await.expect("no gRPC error").into_inner()
}

#[tokio::test]
async fn a_crash_while_creating_keeps_what_may_exist() {
    let response = apply(&Value::Null, &thing("crash", Value::Unknown, Value::Null)).await;
    assert_eq!(summaries(&response.diagnostics), ["The provider crashed"]);
    assert!(response.diagnostics[0].detail.starts_with("in a mood"));
    assert_eq!(value(response.new_state), thing("crash", Value::Null, Value::Null));
    assert_eq!(response.private, b"private");
}

#[tokio::test]
async fn a_crash_while_changing_keeps_the_prior_state() {
    let prior = thing("calm", "1".into(), Value::Null);
    let response = apply(&prior, &thing("crash", "1".into(), Value::Null)).await;
    assert_eq!(summaries(&response.diagnostics), ["The provider crashed"]);
    assert_eq!(value(response.new_state), prior);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_names_the_attribute() {
    let prior = thing("calm", "1".into(), Value::Null);
    let response = apply(&prior, &thing("misfit", "1".into(), Value::Null)).await;
    assert_eq!(
        summaries(&response.diagnostics),
        ["The provider answered a value that does not fit its schema"]
    );
    assert!(response.diagnostics[0].detail.contains("the attribute `id` is missing"));
    assert_eq!(value(response.new_state), prior);
}

#[tokio::test]
async fn write_only_values_do_not_leave_the_configuration() {
    let response = plan("calm").await;
    assert_eq!(summaries(&response.diagnostics), Vec::<&str>::new());
    assert_eq!(value(response.planned_state), thing("calm", Value::Unknown, Value::Null));
}

#[tokio::test]
async fn a_plan_carries_flags_paths_and_private_bytes() {
    let response = plan("calm").await;
    assert!(response.legacy_type_system);
    assert_eq!(response.planned_private, b"private");
    assert_eq!(response.requires_replace.len(), 1);
    assert!(apply(&Value::Null, &thing("calm", "1".into(), Value::Null)).await.legacy_type_system);
}

#[tokio::test]
async fn a_read_without_an_answer_keeps_what_is_known() {
    let request = |mood: &str| proto::read_resource::Request {
        type_name: "test_thing".into(),
        current_state: dynamic(&thing(mood, "1".into(), Value::Null)),
        private: b"private".to_vec(),
        ..Default::default()
    };
    for mood in ["silent", "crash"] {
        let response = service().read_resource(Request::new(request(mood))).await.expect("no gRPC error");
        let response = response.into_inner();
        assert_eq!(value(response.new_state), thing(mood, "1".into(), Value::Null));
        assert_eq!(response.private, b"private");
    }
}

async fn upgrade(version: i64, raw: proto::RawState) -> proto::upgrade_resource_state::Response {
    let raw_state = Some(raw);
    let request =
        proto::upgrade_resource_state::Request { type_name: "test_thing".into(), version, raw_state };
    service().upgrade_resource_state(Request::new(request)).await.expect("no gRPC error").into_inner()
}

#[tokio::test]
async fn stored_state_is_read_by_the_current_schema() {
    let json = br#"{"mood":"calm","gone":1,"secret_wo":"leaked"}"#.to_vec();
    let response = upgrade(3, proto::RawState { json, flatmap: BTreeMap::new() }).await;
    assert_eq!(summaries(&response.diagnostics), Vec::<&str>::new());
    assert_eq!(value(response.upgraded_state), thing("calm", Value::Null, Value::Null));
}

#[tokio::test]
async fn state_that_cannot_be_read_is_an_error() {
    let json = |text: &str| proto::RawState { json: text.into(), flatmap: BTreeMap::new() };
    let flatmap = BTreeMap::from([("mood".to_owned(), "calm".to_owned())]);
    let check = async |version, raw, part: &str| {
        let response = upgrade(version, raw).await;
        assert_eq!(response.upgraded_state, None);
        assert!(response.diagnostics[0].detail.contains(part), "{:?}", response.diagnostics);
    };
    check(2, json("{}"), "has version 2; this provider reads version 3 only").await;
    check(3, json(r#"{"mood":[]}"#), "`mood`: string expected").await;
    check(3, json(""), "cut short").await;
    check(3, proto::RawState { json: Vec::new(), flatmap }, "written by Terraform 0.11 or older").await;
}

#[tokio::test]
async fn what_the_provider_does_not_have_is_an_error() {
    let request = proto::read_resource::Request { type_name: "test_other".into(), ..Default::default() };
    let response = service().read_resource(Request::new(request)).await.expect("no gRPC error").into_inner();
    assert_eq!(summaries(&response.diagnostics), ["Unknown resource type"]);
    let request = proto::call_function::Request { name: "none".into(), arguments: vec![] };
    let response = service().call_function(Request::new(request)).await.expect("no gRPC error").into_inner();
    assert!(response.error.is_some_and(|error| error.text.contains("`none`")));
    let request =
        proto::import_resource_state::Request { type_name: "test_thing".into(), ..Default::default() };
    let response = service().import_resource_state(Request::new(request)).await.expect("no gRPC error");
    assert_eq!(summaries(&response.into_inner().diagnostics), ["Not supported"]);
}

#[tokio::test]
async fn the_schema_is_sent_as_the_message_it_is() {
    let request = || Request::new(proto::get_provider_schema::Request {});
    let service = service();
    let first = service.get_provider_schema(request()).await.expect("no gRPC error").into_inner();
    let bytes = first.encode_to_vec();
    let message = proto::get_provider_schema::Response::decode(bytes.as_slice()).expect("a schema");
    assert_eq!(message, to_proto::provider_schema(service.schemas()));
    assert_eq!(message.resource_schemas["test_thing"].version, 3);
    assert!(message.server_capabilities.is_some_and(|able| able.get_provider_schema_optional));
}
