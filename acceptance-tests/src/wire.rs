//! Recorded conversations (`wire.jsonl`), replayed on another server.
//!
//! Ids, accessors and tokens are other ones on the other server. Wherever a recorded answer and the new one have
//! different values of the same sort at the same place, the new value takes the place of the recorded one in all
//! later requests. The first pair counts: a server answers sets in any order, so that what stands at the same place
//! of a later answer may be another one. A part of a text that is an id is renamed before its own parts are.
//!
//! What was recorded after the snapshot of the recorded server (its phases `update` and `destroy`) was asked of a
//! server that had been started again, so that the other server is sealed and unsealed there.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Call, Reply};
use crate::mask::{self, Difference};
use crate::server::Server;

/// Seconds that may lie between a token's making and the reading of its remaining time, in the recording.
const RECORDED_DELAY_SECONDS: u64 = 3600;

/// Moving a mount and removing a namespace end within a second.
const SETTLING: Duration = Duration::from_secs(3);

/// Fields whose text is another one on every server, and looks like any other text.
const PICKED_BY_THE_SERVER: &[&str] = &["client_id", "client_secret", "id", "random_bytes"];

/// One recorded request and its answer.
#[derive(Clone, Debug)]
struct Recorded {
    phase: String,
    call: Call,
    status: u16,
    response: Value,
}

/// One replayed request.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Phase, method and path, and which of the equal ones it is from the second on.
    pub name: String,
    /// Where the answer differs from the recorded one.
    pub differences: Vec<Difference>,
}

/// Sends every request of `recording` (lines of JSON) to `server`, with each occurrence of the first text of
/// `replacements` replaced by the second. Requests to `left_out` paths, and to what is below them, are not sent.
///
/// # Errors
/// When a line cannot be read, the server does not answer, or no request is to one of the left-out paths.
pub fn replay(
    recording: &str,
    server: &Server,
    replacements: &[(String, String)],
    left_out: &[&str],
) -> Result<Vec<Replayed>, String> {
    let mut unused: Vec<&str> = left_out.to_vec();
    let mut known: BTreeMap<String, String> = replacements.iter().cloned().collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut replayed = Vec::new();
    let mut is_reopened = false;
    for (index, line) in recording.lines().enumerate() {
        let recorded =
            parse(line).ok_or_else(|| format!("line {} of the recording cannot be read", index + 1))?;
        if let Some(path) = left_out.iter().find(|path| is_at(&recorded.call.target, path)) {
            unused.retain(|unused| unused != path);
            continue;
        }
        if !is_reopened && matches!(recorded.phase.as_str(), "update" | "destroy") {
            server.reopen()?;
            is_reopened = true;
        }
        let name = format!("{} {} {}", recorded.phase, recorded.call.method, recorded.call.target);
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { name } else { format!("{name} #{count}") };
        let call = renamed(&recorded.call, &known).header("X-Vault-Token", &server.token);
        let reply = settled(&recorded, &call, server)?;
        replayed.push(Replayed { name, differences: compare(&recorded, &reply, &mut known, replacements) });
    }
    match unused.first() {
        None => Ok(replayed),
        Some(path) => Err(format!("`{path}` is left out, but no request goes there (remove the line)")),
    }
}

/// Whether `target` is `path` or below it.
fn is_at(target: &str, path: &str) -> bool {
    target.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Sends a request. Moving a mount and removing a namespace take their time, and the recorded client had waited
/// for them: reads are repeated until they have the recorded status.
fn settled(recorded: &Recorded, call: &Call, server: &Server) -> Result<Reply, String> {
    let mut reply = call.send(&server.address)?;
    let begin = Instant::now();
    while call.method == "GET" && is_under_way(recorded, &reply) && begin.elapsed() < SETTLING {
        thread::sleep(Duration::from_millis(20));
        reply = call.send(&server.address)?;
    }
    Ok(reply)
}

fn is_under_way(recorded: &Recorded, reply: &Reply) -> bool {
    const MIGRATION: &str = "/data/migration_info/status";
    reply.status != recorded.status || reply.json().pointer(MIGRATION) != recorded.response.pointer(MIGRATION)
}

fn parse(line: &str) -> Option<Recorded> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let mut call = Call::new(&text("method")?, &text("path")?);
    if let Some(query) = text("query").filter(|query| !query.is_empty()) {
        call.target = format!("{}?{query}", call.target);
    }
    for (name, value) in line["headers"].as_object()? {
        call = call.header(name, value.as_str()?);
    }
    if !line["body"].is_null() {
        call = call.json(&line["body"]);
    }
    let status = u16::try_from(line["status"].as_u64()?).ok()?;
    Some(Recorded { phase: text("phase")?, call, status, response: line["response"].clone() })
}

fn renamed(call: &Call, known: &BTreeMap<String, String>) -> Call {
    let mut longest_first: Vec<(&String, &String)> = known.iter().collect();
    longest_first.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    let rename =
        |text: &str| longest_first.iter().fold(text.to_owned(), |text, (from, to)| text.replace(*from, to));
    let body = call.body.as_deref().map(|body| rename(&String::from_utf8_lossy(body)).into_bytes());
    Call { target: rename(&call.target), body, ..call.clone() }
}

fn compare(
    recorded: &Recorded,
    reply: &Reply,
    known: &mut BTreeMap<String, String>,
    replacements: &[(String, String)],
) -> Vec<Difference> {
    let was_going = recorded.response.pointer("/data/tainted") == Some(&Value::Bool(true));
    if was_going && reply.status == 404 {
        // The recorded client asked a moment before the namespace was gone.
        return Vec::new();
    }
    let expected = &recorded.response;
    let mut actual = reply.json();
    learn(expected, &mut actual, known);
    let mut expected = rename_value(expected, known, replacements);
    if is_mount_table(&recorded.call.target) {
        forget_other_cases(&mut expected, &actual);
    }
    for answer in [&mut expected, &mut actual] {
        // Which storage a server has is its own affair.
        answer.as_object_mut().and_then(|fields| fields.remove("storage_type"));
    }
    if recorded.call.target.starts_with("/v1/sys/namespaces") {
        sort_keys(&mut expected);
        sort_keys(&mut actual);
    }
    let (expected, actual) = (mask::mask(&expected), mask::mask(&actual));
    mask::compare_answers((recorded.status, &expected), (reply.status, &actual))
}

/// OpenBao lists namespaces in another order every time.
fn sort_keys(answer: &mut Value) {
    if let Some(keys) = answer.pointer_mut("/data/keys").and_then(Value::as_array_mut) {
        keys.sort_by_key(ToString::to_string);
    }
}

fn is_mount_table(target: &str) -> bool {
    matches!(target, "/v1/sys/auth" | "/v1/sys/mounts")
}

/// The recorded server had the mounts of all cases; each mount of a case is read by itself as well.
fn forget_other_cases(expected: &mut Value, actual: &Value) {
    let Value::Object(fields) = expected else { return };
    fields.retain(|name, _| !name.ends_with('/') || actual.get(name).is_some());
    for (name, value) in fields.iter_mut().filter(|(name, _)| *name == "data") {
        forget_other_cases(value, &actual[name.as_str()]);
    }
}

/// Notes which new value stands for which recorded one, and sets clocks back to the recording's.
fn learn(expected: &Value, actual: &mut Value, known: &mut BTreeMap<String, String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, value) in expected {
                let Some(found) = actual.get_mut(name) else { continue };
                if name == "ttl" && is_later(value, found) {
                    found.clone_from(value);
                }
                if let (Some(recorded), Some(new)) = (value.as_str(), found.as_str())
                    && PICKED_BY_THE_SERVER.contains(&name.as_str())
                    && recorded != new
                    && recorded.len() == new.len()
                {
                    known.entry(recorded.to_owned()).or_insert_with(|| new.to_owned());
                }
                learn(value, found, known);
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.iter().zip(actual).for_each(|(expected, actual)| learn(expected, actual, known));
        }
        (Value::String(expected), Value::String(actual)) if same_sort(expected, actual) => {
            known.entry(expected.clone()).or_insert_with(|| actual.clone());
        }
        _ => {}
    }
}

fn is_later(recorded: &Value, found: &Value) -> bool {
    let (Some(recorded), Some(found)) = (recorded.as_u64(), found.as_u64()) else { return false };
    recorded > 0 && recorded <= found && found - recorded <= RECORDED_DELAY_SECONDS
}

fn same_sort(expected: &str, actual: &str) -> bool {
    let sort = mask::mask_text(expected);
    expected != actual && sort != expected && sort == mask::mask_text(actual) && sort != "(time)"
}

fn rename_value(value: &Value, known: &BTreeMap<String, String>, replacements: &[(String, String)]) -> Value {
    let rename = |value: &Value| rename_value(value, known, replacements);
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), rename(value))).collect(),
        Value::Array(items) => items.iter().map(rename).collect(),
        Value::String(text) => Value::String(known.get(text).cloned().unwrap_or_else(|| {
            replacements.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to))
        })),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_in_another_order_renames_nobody() {
        let (one, two) = ("11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000");
        let (three, four) = ("33333333-0000-0000-0000-000000000000", "44444444-0000-0000-0000-000000000000");
        let mut known = BTreeMap::new();
        learn(&json!({"id": one}), &mut json!({"id": three}), &mut known);
        learn(&json!({"id": two}), &mut json!({"id": four}), &mut known);
        learn(&json!({"members": [one, two]}), &mut json!({"members": [four, three]}), &mut known);
        assert_eq!((known[one].as_str(), known[two].as_str()), (three, four));
    }

    #[test]
    fn an_id_is_renamed_before_the_namespace_at_its_end() {
        let known = [("f8858-0bc7.GLBnqd", "5517d-31ae.eU4Gt1"), ("GLBnqd", "eU4Gt1")];
        let known = known.map(|(from, to)| (from.to_owned(), to.to_owned())).into_iter().collect();
        let call = renamed(&Call::new("GET", "/v1/identity/group/id/f8858-0bc7.GLBnqd"), &known);
        assert_eq!(call.target, "/v1/identity/group/id/5517d-31ae.eU4Gt1");
    }

    #[test]
    fn a_path_is_left_out_with_what_is_below_it() {
        assert!(is_at("/v1/crypt/keys/a", "/v1/crypt"));
        assert!(is_at("/v1/crypt?list=true", "/v1/crypt"));
        assert!(!is_at("/v1/crypto", "/v1/crypt"));
    }
}
