//! What the server measures of itself: `sys/metrics`, and `sys/in-flight-req`.

use std::fmt::Write as _;

use http::{HeaderMap, StatusCode, header};
use schemas::shape::Declared as _;
use serde_json::{Map, Value, json};

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::{RawBody, Response};
use crate::handler;

/// Figures, and requests under way.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("metrics").fields(Wanted::PARTS).read(handler!(metrics)),
    Route::new("in-flight-req").read(handler!(under_way)),
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
    is_counter: bool,
    label: Option<(&'static str, String)>,
    value: f64,
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown to people")]
fn gauge(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, is_counter: false, label: None, value: value as f64 }
}

async fn metrics(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let wanted: Wanted = cx.fields()?;
    let accepted = cx.request().headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let asks_text = accepted.is_some_and(|accepted| accepted.starts_with("application/openmetrics-text"));
    let format = wanted.format.unwrap_or_default();
    match format.as_str() {
        "prometheus" => Ok(text(&prometheus(&figures(cx)?))),
        "" if asks_text => Ok(text(&prometheus(&figures(cx)?))),
        "" => Ok(RawBody::json(serde_json::to_vec(&tree(cx, &figures(cx)?))?).into()),
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
fn figures(cx: &Context<'_>) -> Result<Vec<Figure>, Error> {
    let (traffic, topology) = (&cx.core.traffic, cx.topology()?);
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
            count(cx.core.tokens.leases().watched()),
        ),
    ];
    figures.extend(traffic.answered().map(|(class, answers)| Figure {
        label: Some(("code", class)),
        is_counter: true,
        ..gauge("lockstep.http.answers_total", "Answers, by class of their status", answers)
    }));
    let started = u64::try_from(traffic.since().as_second()).unwrap_or_default();
    figures.push(gauge("process_start_time_seconds", "When the server started, in Unix time", started));
    figures.extend(memory());
    Ok(figures)
}

/// Memory of the process, where the system tells it.
fn memory() -> Vec<Figure> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    let resident =
        bytes("VmRSS:").map(|bytes| gauge("process_resident_memory_bytes", "Memory in use", bytes));
    let all = bytes("VmSize:").map(|bytes| gauge("process_virtual_memory_bytes", "Memory reserved", bytes));
    resident.into_iter().chain(all).collect()
}

fn prometheus(figures: &[Figure]) -> String {
    let mut text = String::new();
    let mut before = "";
    for Figure { name, help, is_counter, label, value } in figures {
        let shown = name.replace('.', "_");
        if *name != before {
            let kind = if *is_counter { "counter" } else { "gauge" };
            write!(text, "# HELP {shown} {help}\n# TYPE {shown} {kind}\n").expect("to a string");
        }
        before = name;
        let label = label.as_ref().map(|(label, of)| format!("{{{label}=\"{of}\"}}")).unwrap_or_default();
        writeln!(text, "{shown}{label} {value}").expect("to a string");
    }
    text
}

fn tree(cx: &Context<'_>, figures: &[Figure]) -> Value {
    let shown = |figure: &Figure| {
        let labels: Map<String, Value> =
            figure.label.iter().map(|(label, of)| ((*label).to_owned(), of.clone().into())).collect();
        json!({ "Name": figure.name, "Value": figure.value, "Labels": labels })
    };
    let gauges: Vec<Value> = figures.iter().map(shown).collect();
    let now = cx.now().strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string();
    json!({ "Timestamp": now, "Gauges": gauges, "Points": [], "Counters": [], "Samples": [] })
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

    #[test]
    fn prometheus_reads_each_name_once_and_every_label() {
        let answers = |class: &str, value| Figure {
            label: Some(("code", class.to_owned())),
            is_counter: true,
            ..gauge("lockstep.http.answers_total", "Answers", value)
        };
        let figures = [gauge("vault.core.unsealed", "Unsealed", 1), answers("2xx", 7), answers("4xx", 2)];
        assert_eq!(
            prometheus(&figures),
            "# HELP vault_core_unsealed Unsealed\n# TYPE vault_core_unsealed gauge\nvault_core_unsealed 1\n\
             # HELP lockstep_http_answers_total Answers\n# TYPE lockstep_http_answers_total counter\n\
             lockstep_http_answers_total{code=\"2xx\"} 7\nlockstep_http_answers_total{code=\"4xx\"} 2\n"
        );
    }
}
