//! Replays `transcripts/seal.md`: what the seal decides without HTTP.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use server::barrier::Barrier;
use server::seal::{InitRequest, Seal, SealError, SealStatus, parse_share};
use server::storage::InmemStorage;

/// Fields that the server adds to what the seal knows.
const OF_THE_SERVER: [&str; 6] =
    ["cluster_id", "cluster_name", "commit_date", "migration", "recovery_seal", "version"];

struct Replay {
    seal: Seal,
    /// What stands for `<share 1>` and the like.
    names: BTreeMap<String, String>,
    replayed: usize,
}

impl Replay {
    fn new() -> Self {
        let seal = Seal::new(Barrier::new(Arc::new(InmemStorage::new())));
        Self { seal, names: BTreeMap::new(), replayed: 0 }
    }

    async fn exchange(&mut self, request: &str, answer: &str) {
        let request =
            self.names.iter().fold(request.to_owned(), |text, (name, value)| text.replace(name, value));
        let mut parts = request.splitn(3, ' ');
        let (method, path, body) =
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or("{}"));
        let body = match serde_json::from_str::<Value>(body) {
            Ok(body) if answer.contains("failed to decode JSON input") => return drop(body),
            Ok(body) => body,
            Err(_) if body == "with <root token>" => json!({}),
            Err(_) => return,
        };
        let found = match (method, path) {
            ("GET", "/v1/sys/seal-status") => status(self.seal.status().await),
            ("GET", "/v1/sys/init") => {
                (200, json!({"initialized": self.seal.is_initialized().await.unwrap()}))
            }
            ("PUT", "/v1/sys/init") => self.init(&body).await,
            ("PUT" | "POST", "/v1/sys/unseal") => status(self.unseal(&body).await),
            ("PUT", "/v1/sys/seal") if answer == "204" => {
                self.seal.seal().await.unwrap();
                (204, Value::Null)
            }
            _ => return,
        };
        self.replayed += 1;
        assert_eq!(found, expected(answer), "{request}");
    }

    async fn init(&mut self, body: &Value) -> (u16, Value) {
        let request: InitRequest = serde_json::from_value(body.clone()).unwrap();
        let draft = match self.seal.begin_init(&request).await {
            Ok(draft) => draft,
            Err(error) => return refused(&error),
        };
        let shares: Vec<String> =
            draft.commit().await.unwrap().iter().map(|share| hex::encode(&**share)).collect();
        for (number, share) in (1..).zip(&shares) {
            self.name(number, "", share);
            self.name(number, " base64", &to_base64(share));
            // A digit of the first byte of the first, and of a byte within the others.
            let place = if number == 1 { 0 } else { 10 };
            let other = if share.as_bytes()[place] == b'0' { "1" } else { "0" };
            self.name(number, " spoiled", &format!("{}{other}{}", &share[..place], &share[place + 1..]));
            self.name(number, " shortened", &share[2..]);
        }
        let numbers: Vec<String> = (1..=shares.len()).map(|number| format!("<share {number}>")).collect();
        (200, json!({ "keys": numbers }))
    }

    fn name(&mut self, number: usize, suffix: &str, value: &str) {
        self.names.insert(format!("<share {number}{suffix}>"), value.to_owned());
    }

    async fn unseal(&self, body: &Value) -> Result<SealStatus, SealError> {
        if body["reset"] == true {
            return self.seal.reset().await;
        }
        let share = parse_share(body["key"].as_str().unwrap_or_default())?;
        if body["migrate"] == true {
            return Err(SealError::NoMigration);
        }
        self.seal.unseal_share(share).await
    }
}

fn to_base64(share: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(hex::decode(share).unwrap())
}

fn refused(error: &SealError) -> (u16, Value) {
    (error.status(), json!({ "errors": [error.to_string()] }))
}

fn status(result: Result<SealStatus, SealError>) -> (u16, Value) {
    match result {
        Ok(mut status) => {
            if !status.nonce.is_empty() {
                status.nonce = "<nonce>".to_owned();
            }
            (200, serde_json::to_value(status).unwrap())
        }
        Err(error) => refused(&error),
    }
}

/// The recorded answer without what the server adds.
fn expected(answer: &str) -> (u16, Value) {
    let (code, body) = answer.split_once(' ').unwrap_or((answer, "null"));
    let mut body: Value = serde_json::from_str(body).unwrap();
    if let Some(fields) = body.as_object_mut() {
        let more = ["keys_base64", "root_token"];
        OF_THE_SERVER.iter().chain(&more).for_each(|field| _ = fields.remove(*field));
    }
    (code.parse().unwrap(), body)
}

#[tokio::test]
async fn the_seal_answers_as_openbao_does() {
    let mut replay = Replay::new();
    let mut replayed = 0;
    let mut request = None;
    for line in include_str!("transcripts/seal.md").lines() {
        if line.starts_with("## ") && line.ends_with("(a new server)") {
            replayed += std::mem::replace(&mut replay, Replay::new()).replayed;
        } else if let Some(text) = line.strip_prefix("> ") {
            request = Some(text);
        } else if let Some(answer) = line.strip_prefix("< ") {
            replay.exchange(request.take().unwrap(), answer).await;
        }
    }
    replayed += replay.replayed;
    assert!(replayed >= 60, "only {replayed} exchanges were replayed");
}
