//! What the server measures of itself: `sys/metrics`, and `sys/in-flight-req`.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use schemas::shape::Declared as _;
use serde_json::{Map, Value, json};

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::latency::{Counted, Latency};
use crate::core::pipeline::Reply;
use crate::core::response::{RawBody, Response};
use crate::core::state::Core;
use crate::core::traffic::Traffic;
use crate::handler;

/// Figures, and requests under way.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("metrics")
        .about("What the server has counted and measured of itself.")
        .fields(Wanted::PARTS)
        .read(handler!(metrics)),
    Route::new("in-flight-req").about("Requests that are not answered yet.").read(handler!(under_way)),
];

/// How figures are wanted.
#[derive(schemas::Fields)]
struct Wanted {
    /// `prometheus`; else JSON.
    format: Option<String>,
}

/// The type of Prometheus' text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One figure. Names are those of the peers where the figure is the same.
struct Figure {
    name: &'static str,
    help: &'static str,
    label: Option<(&'static str, String)>,
    measure: Measure,
}

enum Measure {
    Gauge(f64),
    Counter(f64),
    /// How often, and for how many milliseconds in all.
    Summary(u64, f64),
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown to people")]
fn gauge(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, label: None, measure: Measure::Gauge(value as f64) }
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown to people")]
fn counter(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, label: None, measure: Measure::Counter(value as f64) }
}

fn summary(name: &'static str, help: &'static str, latency: &Latency) -> Figure {
    let Counted { count, took } = latency.counted();
    Figure { name, help, label: None, measure: Measure::Summary(count, took.as_secs_f64() * 1000.0) }
}

async fn metrics(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let wanted: Wanted = cx.fields()?;
    shown(cx.core, &wanted.format.unwrap_or_default(), &cx.request().headers).await
}

/// The figures to whoever asks, as a listener may have it.
pub(crate) async fn open_metrics(core: &Core, format: &str, headers: &HeaderMap) -> Result<Reply, Error> {
    let response = shown(core, format, headers).await?;
    let status = response.status.unwrap_or(StatusCode::OK);
    response.raw.map(|raw| Reply::raw(status, raw)).ok_or_else(Error::not_found)
}

async fn shown(core: &Core, format: &str, headers: &HeaderMap) -> Result<Response, Error> {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let asks_text = accepted.is_some_and(|accepted| accepted.starts_with("application/openmetrics-text"));
    match format {
        "prometheus" => Ok(text(&prometheus(&figures(core).await?))),
        "" if asks_text => Ok(text(&prometheus(&figures(core).await?))),
        "" => Ok(RawBody::json(serde_json::to_vec(&tree(core, &figures(core).await?))?).into()),
        other => {
            let told = format!("metric response format \"{other}\" unknown");
            Ok(text(&told).with_status(StatusCode::BAD_REQUEST))
        }
    }
}

fn text(body: &str) -> Response {
    RawBody { content_type: TEXT, headers: HeaderMap::new(), bytes: body.to_owned().into() }.into()
}

/// All figures at this moment. None of them names a secret, a path or a user.
async fn figures(core: &Core) -> Result<Vec<Figure>, Error> {
    let (traffic, topology) = (&core.traffic, core.open_topology()?);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mounts = topology.spaces().map(|space| space.mount_count()).sum();
    let mut figures = vec![
        gauge("vault.core.active", "1: this node answers requests", 1),
        gauge("vault.core.unsealed", "1: the server is unsealed", 1),
        gauge(
            "vault.core.in_flight_requests",
            "Requests that are not answered yet",
            count(traffic.under_way_count()),
        ),
        gauge("vault.core.mount_table.num_entries", "Mounts of all namespaces", count(mounts)),
        gauge("lockstep.namespaces", "Namespaces, the root counted", count(topology.spaces().count())),
        gauge(
            "vault.expire.num_leases",
            "Leases of tokens and secrets that end some day",
            count(core.tokens.leases().watched()),
        ),
    ];
    figures.extend(traffic.answered().map(|(class, answers)| Figure {
        label: Some(("code", class)),
        ..counter("lockstep.http.answers_total", "Answers, by class of their status", answers)
    }));
    figures.extend(latencies(traffic));
    figures.extend(tokens(core).await?);
    let started = u64::try_from(traffic.since().as_second()).unwrap_or_default();
    figures.push(gauge("process_start_time_seconds", "When the server started, in Unix time", started));
    figures.extend(process());
    Ok(figures)
}

fn latencies(traffic: &Traffic) -> [Figure; 3] {
    [
        summary(
            "vault.core.check_token",
            "Milliseconds in which tokens and their identities were found, by a sixteenth of them",
            &traffic.checks,
        ),
        summary(
            "vault.core.handle_request",
            "Milliseconds in which requests that need a token were answered",
            &traffic.requests,
        ),
        summary(
            "vault.core.handle_login_request",
            "Milliseconds in which logins, and other requests that need no token, were answered",
            &traffic.logins,
        ),
    ]
}

/// Service tokens of each namespace that has any.
async fn tokens(core: &Core) -> Result<Vec<Figure>, Error> {
    let counts = core.token_counts().await?;
    let shown = |(path, count): &(String, u64)| {
        let namespace = if path.is_empty() { "root" } else { path.trim_end_matches('/') };
        let label = Some(("namespace", namespace.to_owned()));
        Figure { label, ..gauge("vault.token.count", "Service tokens, by namespace", *count) }
    };
    Ok(counts.iter().map(shown).collect())
}

/// The value of a label, as the format of Prometheus has it between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// What the process takes, where the system tells it.
fn process() -> Vec<Figure> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    let resident =
        bytes("VmRSS:").map(|bytes| gauge("process_resident_memory_bytes", "Memory in use", bytes));
    let all = bytes("VmSize:").map(|bytes| gauge("process_virtual_memory_bytes", "Memory reserved", bytes));
    let files =
        std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count).and_then(|count| count.try_into().ok());
    let files = files.map(|count| gauge("process_open_fds", "Open files and connections", count));
    let figures = [resident, all, files, processor_time()];
    figures.into_iter().flatten().collect()
}

/// Time of the processors that the process has taken.
fn processor_time() -> Option<Figure> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, after) = text.rsplit_once(')')?;
    let ticks = |place: usize| after.split_whitespace().nth(place)?.parse::<u64>().ok();
    // Linux tells a hundredth of a second apart, whatever its own clock does.
    let seconds = Duration::from_millis(10 * (ticks(11)? + ticks(12)?)).as_secs_f64();
    let (name, help) = ("process_cpu_seconds_total", "Time of processors that was taken");
    Some(Figure { measure: Measure::Counter(seconds), ..counter(name, help, 0) })
}

fn prometheus(figures: &[Figure]) -> String {
    let mut text = String::new();
    let mut before = "";
    for Figure { name, help, label, measure } in figures {
        let shown = name.replace('.', "_");
        if *name != before {
            let kind = match measure {
                Measure::Gauge(_) => "gauge",
                Measure::Counter(_) => "counter",
                Measure::Summary(..) => "summary",
            };
            write!(text, "# HELP {shown} {help}\n# TYPE {shown} {kind}\n").expect("to a string");
        }
        before = name;
        let label = label.as_ref().map(|(label, of)| format!("{{{label}=\"{}\"}}", escaped(of)));
        let label = label.unwrap_or_default();
        match measure {
            Measure::Gauge(value) | Measure::Counter(value) => writeln!(text, "{shown}{label} {value}"),
            Measure::Summary(count, sum) => {
                writeln!(text, "{shown}_sum{label} {sum}\n{shown}_count{label} {count}")
            }
        }
        .expect("to a string");
    }
    text
}

fn tree(core: &Core, figures: &[Figure]) -> Value {
    let (mut gauges, mut samples) = (Vec::new(), Vec::new());
    for Figure { name, label, measure, .. } in figures {
        let labels: Map<String, Value> =
            label.iter().map(|(label, of)| ((*label).to_owned(), of.clone().into())).collect();
        match measure {
            Measure::Gauge(value) | Measure::Counter(value) => {
                gauges.push(json!({ "Name": name, "Value": value, "Labels": labels }));
            }
            Measure::Summary(count, sum) => {
                samples.push(json!({ "Name": name, "Count": count, "Sum": sum, "Labels": labels }));
            }
        }
    }
    let now = core.clock.now().strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string();
    json!({ "Timestamp": now, "Gauges": gauges, "Points": [], "Counters": [], "Samples": samples })
}

/// Who waits for an answer. Who a client is, is not told: it is known only once the token is looked up.
async fn under_way(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let traffic = &cx.core.traffic;
    let start = u64::try_from(traffic.since().as_nanosecond()).unwrap_or_default();
    let requests = traffic.under_way().into_iter().map(|(number, request)| {
        let id = uuid::Uuid::from_u64_pair(start, number).to_string();
        let shown = json!({
            "start_time": request.since.to_string(), "client_remote_address": request.client.to_string(),
            "request_path": request.uri.path(), "request_method": request.method.as_str(), "client_id": "",
        });
        (id, shown)
    });
    let requests: Map<String, Value> = requests.collect();
    Ok(RawBody::json(serde_json::to_vec(&requests)?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Clock;
    use crate::core::pipeline::Incoming;
    use crate::core::request::{ClientToken, Operation};
    use crate::core::testing::{incoming, server};

    #[test]
    fn prometheus_reads_each_name_once_and_every_label() {
        let answers = |class: &str, value| Figure {
            label: Some(("code", class.to_owned())),
            ..counter("lockstep.http.answers_total", "Answers", value)
        };
        let latency = Latency::default();
        latency.record(Duration::from_micros(1500));
        latency.record(Duration::from_micros(500));
        let requests = summary("vault.core.handle_request", "Requests", &latency);
        let figures =
            [gauge("vault.core.unsealed", "Unsealed", 1), answers("2xx", 7), answers("4xx", 2), requests];
        assert_eq!(
            prometheus(&figures),
            "# HELP vault_core_unsealed Unsealed\n# TYPE vault_core_unsealed gauge\nvault_core_unsealed 1\n\
             # HELP lockstep_http_answers_total Answers\n# TYPE lockstep_http_answers_total counter\n\
             lockstep_http_answers_total{code=\"2xx\"} 7\nlockstep_http_answers_total{code=\"4xx\"} 2\n\
             # HELP vault_core_handle_request Requests\n# TYPE vault_core_handle_request summary\n\
             vault_core_handle_request_sum 2\nvault_core_handle_request_count 2\n"
        );
    }

    #[test]
    fn a_label_may_be_any_name() {
        let label = Some(("namespace", "a\"b\\c".to_owned()));
        let text = prometheus(&[Figure { label, ..gauge("vault.token.count", "Tokens", 1) }]);
        assert!(text.ends_with("vault_token_count{namespace=\"a\\\"b\\\\c\"} 1\n"), "{text}");
    }

    #[tokio::test]
    async fn requests_logins_and_tokens_are_counted() {
        let core = server(Clock::system()).await;
        let serve = async |request| {
            let _measured = core.measure(&request);
            core.serve(request).await
        };
        let shown = async || {
            let request = incoming(Operation::Read, "sys/metrics", json!({}));
            let reply = serve(request).await;
            serde_json::from_slice::<Value>(&reply.body).expect("JSON")
        };
        let of = |shown: &Value, list: &str, name: &str, what: &str| {
            let figures = shown[list].as_array().expect("a list");
            let found = figures.iter().find(|figure| figure["Name"] == name).expect("the figure");
            found[what].as_f64().expect("a number")
        };
        let before = shown().await;
        assert_eq!(of(&before, "Gauges", "vault.token.count", "Value"), 1.0);
        let login = Incoming {
            client_token: ClientToken::default(),
            ..incoming(Operation::Read, "sys/internal/ui/mounts", json!({}))
        };
        serve(login).await;
        serve(incoming(Operation::Read, "sys/mounts", json!({}))).await;
        let after = shown().await;
        for (name, more) in [
            ("vault.core.handle_request", 2.0),
            ("vault.core.check_token", 2.0),
            ("vault.core.handle_login_request", 1.0),
        ] {
            let (was, is) = (of(&before, "Samples", name, "Count"), of(&after, "Samples", name, "Count"));
            assert_eq!(is - was, more, "{name}");
        }
    }
}
