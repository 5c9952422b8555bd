//! What holds for every sequence of requests.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Kv2;
use crate::core::request::Operation;
use crate::core::testing::{Harness, data};

/// One request to the secret `a`.
#[derive(Clone, Debug)]
enum Step {
    /// `cas` relative to the current version; `None` without.
    Write(Option<i64>),
    Patch,
    DeleteCurrent,
    Delete(u64),
    Undelete(u64),
    Destroy(u64),
    MaxVersions(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::of(-1..=1_i64).prop_map(Step::Write),
        1 => Just(Step::Patch),
        1 => Just(Step::DeleteCurrent),
        1 => (0..12_u64).prop_map(Step::Delete),
        1 => (0..12_u64).prop_map(Step::Undelete),
        1 => (0..12_u64).prop_map(Step::Destroy),
        1 => (1..5_u64).prop_map(Step::MaxVersions),
    ]
}

/// What there should be: for each version its content, and whether it is deleted. Destroyed ones have none.
#[derive(Debug, Default)]
struct Model {
    current: u64,
    max_versions: u64,
    versions: BTreeMap<u64, (Option<Value>, bool)>,
}

impl Model {
    fn add(&mut self, content: Value) {
        self.current += 1;
        self.versions.insert(self.current, (Some(content), false));
        let max = if self.max_versions == 0 { 10 } else { self.max_versions };
        while self.versions.len() as u64 > max {
            self.versions.pop_first();
        }
    }

    fn readable(&self) -> Option<&Value> {
        match self.versions.get(&self.current) {
            Some((Some(content), false)) => Some(content),
            _ => None,
        }
    }
}

fn versions(number: u64) -> Value {
    json!({"versions": [number]})
}

/// Runs `step`, the `index`th, and says in `model` what it should have done.
async fn run(harness: &Harness, model: &mut Model, index: usize, step: &Step) {
    let content = json!({"step": index});
    match *step {
        Step::Write(offset) => {
            let cas = offset.map(|offset| model.current as i64 + offset);
            let options = cas.map_or(json!({}), |cas| json!({"cas": cas}));
            let answer = harness.write("data/a", json!({"data": content, "options": options})).await;
            assert_eq!(answer.is_ok(), offset.unwrap_or(0) == 0, "{step:?}: {answer:?}");
            if let Ok(answer) = answer {
                model.add(content);
                assert_eq!(answer["version"], json!(model.current));
            }
        }
        Step::Patch => {
            let mut patched = model.readable().cloned();
            let answer = harness.call(Operation::Patch, "data/a", json!({"data": {"patch": index}})).await;
            assert_eq!(answer.expect("an answer").status.is_none(), patched.is_some());
            if let Some(mut patched) = patched.take() {
                patched["patch"] = json!(index);
                model.add(patched);
            }
        }
        Step::DeleteCurrent => {
            harness.delete("data/a").await.expect("deleted");
            model.versions.entry(model.current).and_modify(|(_, is_deleted)| *is_deleted = true);
        }
        Step::Delete(number) => {
            harness.write("delete/a", versions(number)).await.expect("deleted");
            model.versions.entry(number).and_modify(|(_, is_deleted)| *is_deleted = true);
        }
        Step::Undelete(number) => {
            harness.write("undelete/a", versions(number)).await.expect("restored");
            model.versions.entry(number).and_modify(|(_, is_deleted)| *is_deleted = false);
        }
        Step::Destroy(number) => {
            harness.write("destroy/a", versions(number)).await.expect("destroyed");
            model.versions.entry(number).and_modify(|(content, _)| *content = None);
        }
        Step::MaxVersions(number) => {
            harness.write("metadata/a", json!({"max_versions": number})).await.expect("limited");
            model.max_versions = number;
        }
    }
}

/// Compares everything that can be read, and what is stored, with `model`.
async fn check(harness: &Harness, model: &Model) {
    for number in 1..=model.current {
        let answer = harness.call(Operation::Read, "data/a", json!({"version": number})).await;
        let content = answer.as_ref().ok().map(|answer| data(answer)["data"].clone());
        let expected = model.versions.get(&number).map(|version| match version {
            (Some(content), false) => content.clone(),
            _ => Value::Null,
        });
        assert_eq!(content, expected, "version {number} of {model:?}");
    }
    if let Ok(metadata) = harness.read("metadata/a").await {
        let shown: Vec<u64> = metadata["versions"]
            .as_object()
            .expect("an object")
            .keys()
            .map(|key| key.parse().expect("a number"))
            .collect();
        let mut shown = shown;
        shown.sort_unstable();
        assert_eq!(shown, model.versions.keys().copied().collect::<Vec<_>>());
        assert_eq!(metadata["current_version"], json!(model.current));
    }
    let kept: Vec<String> = model
        .versions
        .iter()
        .filter(|(_, (content, _))| content.is_some())
        .map(|(number, _)| format!("data/a/{number}"))
        .collect();
    let mut stored = harness.stored_keys("data/").await;
    stored.sort_by_key(|key| key.rsplit('/').next().and_then(|number| number.parse::<u64>().ok()));
    assert_eq!(stored, kept, "destroyed and dropped content is gone from storage");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_dense_and_what_is_destroyed_is_gone(steps in prop::collection::vec(step(), 1..40)) {
        runtime().block_on(async {
            let mut harness = Harness::new(Kv2).await;
            let mut model = Model::default();
            for (index, step) in steps.iter().enumerate() {
                harness.now = harness.now.checked_add(Duration::from_secs(1)).expect("a time");
                run(&harness, &mut model, index, step).await;
            }
            check(&harness, &model).await;
        });
    }

    #[test]
    fn a_secret_is_read_byte_by_byte(content in json_text(3)) {
        runtime().block_on(async {
            let harness = Harness::new(Kv2).await;
            let body = format!("{{\"data\":{{\"content\": {content}}}}}");
            harness.call_text(Operation::Update, "data/a", &body).await.expect("written");
            let answer = harness.call(Operation::Read, "data/a", json!({})).await.expect("there");
            let text = answer.data.expect("data").get().to_owned();
            assert!(text.starts_with(&format!("{{\"data\":{{\"content\": {content}}},\"metadata\":{{")), "{text}");
        });
    }
}

/// JSON as people write it: with spaces, escapes, and numbers that no machine type holds.
fn json_text(depth: u32) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("text")),
        Just(r#""\u00e9\/\ud83d\ude00""#.to_owned()),
        prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(str::to_owned),
    ];
    leaf.prop_recursive(depth, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" ,"))),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..4).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                format!("{{{}}}", entries.join(",\n"))
            }),
        ]
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_with_one_cas_one_wins() {
    let harness = std::sync::Arc::new(Harness::new(Kv2).await);
    for version in 0..20_u64 {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let harness = std::sync::Arc::clone(&harness);
                let body = json!({"data": {"writer": writer}, "options": {"cas": version}});
                // Whoever loses by a conflict would be run again by the core, and would see the new version.
                tokio::spawn(async move { harness.write("data/a", body).await.is_ok() })
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            winners += u32::from(writer.await.expect("no panic"));
        }
        assert_eq!(winners, 1, "version {version}");
    }
}

#[tokio::test]
async fn a_version_expires_by_itself() {
    let mut harness = Harness::new(Kv2).await;
    harness.write("config", json!({"delete_version_after": "1h"})).await.expect("configured");
    harness.write("data/a", json!({"data": {"x": 1}})).await.expect("written");
    assert_eq!(harness.read("data/a").await.expect("there")["data"], json!({"x": 1}));
    harness.now = harness.now.checked_add(Duration::from_secs(3600)).expect("a time");
    assert_eq!(harness.read("data/a").await.expect("there")["data"], Value::Null);
    harness.write("undelete/a", versions(1)).await.expect("restored");
    assert_eq!(harness.read("data/a").await.expect("there")["data"], json!({"x": 1}));
}
