//! `listener "tcp" { … }`.

use std::path::PathBuf;
use std::time::Duration;

use super::document::Value;
use super::section::Section;
use super::{Place, Problems};

/// The oldest version of TLS that a listener accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub cert_file: PathBuf,
    /// The key, PEM.
    pub key_file: PathBuf,
    /// The oldest version accepted.
    pub min_version: TlsVersion,
}

/// Where and how requests are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Host and port.
    pub address: String,
    /// `None` if `tls_disable` is set.
    pub tls: Option<Tls>,
    /// Bytes of a request body; `None` is without limit.
    pub max_request_size: Option<u64>,
    /// How long a request may take; `None` is without limit.
    pub max_request_duration: Option<Duration>,
    /// Estimated bytes of memory that the JSON of a request may take; `None` is without limit.
    pub max_request_json_memory: Option<u64>,
    /// Strings in the JSON of a request; `None` is without limit.
    pub max_request_json_strings: Option<u64>,
    /// How long the headers of a request may take.
    pub http_read_header_timeout: Duration,
    /// How long a whole request may take to arrive.
    pub http_read_timeout: Duration,
    /// How long a connection may be without a request.
    pub http_idle_timeout: Duration,
    /// Whether `sys/metrics` needs no token.
    pub unauthenticated_metrics_access: bool,
}

const DEFAULT_ADDRESS: &str = "127.0.0.1:8200";
const REQUEST_SIZE: i64 = 32 * 1024 * 1024;
const REQUEST_SECONDS: u64 = 90;
const JSON_MEMORY: i64 = 34_078_720;
const JSON_STRINGS: i64 = 1_000;

impl Listener {
    /// The listener of a server without a configuration file: plain HTTP.
    pub fn plain(address: String) -> Self {
        Self {
            address,
            tls: None,
            max_request_size: limit(REQUEST_SIZE),
            max_request_duration: Some(Duration::from_secs(REQUEST_SECONDS)),
            max_request_json_memory: limit(JSON_MEMORY),
            max_request_json_strings: limit(JSON_STRINGS),
            http_read_header_timeout: Duration::from_secs(10),
            http_read_timeout: Duration::from_secs(30),
            http_idle_timeout: Duration::from_secs(5 * 60),
            unauthenticated_metrics_access: false,
        }
    }
}

/// Settings that make no difference: there is one node, which trusts no proxies, waits for its clients, and cannot be
/// profiled.
const IGNORED: [&str; 11] = [
    "cluster_address",
    "custom_response_headers",
    "disable_replication_status_endpoints",
    "disable_unauthed_rekey_endpoints",
    "http_write_timeout",
    "profiling",
    "proxy_protocol_behavior",
    "purpose",
    "redact_addresses",
    "redact_cluster_name",
    "tls_auto_reload",
];

pub(super) fn listeners(value: &Value, place: &Place, problems: &mut Problems) -> Vec<Listener> {
    match value {
        Value::List(items) => {
            items.iter().flat_map(|item| listeners(&item.value, &item.place, problems)).collect()
        }
        Value::Table(entries) => {
            entries.iter().filter_map(|(kind, node)| listener(kind, &node.value, place, problems)).collect()
        }
        _ => {
            let message = "`listener` is no block".to_owned();
            problems.error(place, message, "write `listener \"tcp\" { address = … }`");
            Vec::new()
        }
    }
}

fn listener(kind: &str, value: &Value, place: &Place, problems: &mut Problems) -> Option<Listener> {
    if kind != "tcp" {
        let hint = "only `listener \"tcp\"` is built";
        problems.error(place, format!("unsupported listener type `{kind}`"), hint);
        return None;
    }
    let entries = match value {
        Value::Table(entries) => entries.as_slice(),
        // `{"listener": {"tcp": [{…}]}}`, as some generators write it.
        Value::List(items) => match items.as_slice() {
            [only] => return listener(kind, &only.value, place, problems),
            _ => return several(place, problems),
        },
        _ => return several(place, problems),
    };
    let mut section = Section::new(" in `listener \"tcp\"`".to_owned(), entries.iter(), problems);
    let listener = read(&mut section, place);
    refuse_unbuilt(&mut section);
    section.ignore(&IGNORED);
    section.finish();
    listener
}

fn several(place: &Place, problems: &mut Problems) -> Option<Listener> {
    problems.error(place, "`listener \"tcp\"` is not one block".to_owned(), "write one block a listener");
    None
}

fn read(section: &mut Section<'_>, place: &Place) -> Option<Listener> {
    let tls = tls(section, place);
    let mut listener = Listener::plain(address(section, place));
    listener.max_request_size = number(section, "max_request_size", REQUEST_SIZE);
    listener.max_request_json_memory = number(section, "max_request_json_memory", JSON_MEMORY);
    listener.max_request_json_strings = number(section, "max_request_json_strings", JSON_STRINGS);
    if let Some((duration, _)) = section.duration("max_request_duration") {
        listener.max_request_duration = (!duration.is_zero()).then_some(duration);
    }
    set(section, "http_read_header_timeout", &mut listener.http_read_header_timeout);
    set(section, "http_read_timeout", &mut listener.http_read_timeout);
    set(section, "http_idle_timeout", &mut listener.http_idle_timeout);
    listener.unauthenticated_metrics_access = has_open_metrics(section);
    listener.tls = tls?;
    Some(listener)
}

/// Of `telemetry { … }`.
fn has_open_metrics(section: &mut Section<'_>) -> bool {
    let telemetry = section.read("telemetry", "a block", |value| match value {
        Value::Table(entries) => Some(entries.clone()),
        _ => None,
    });
    let Some((entries, _)) = telemetry else { return false };
    let context = " in `telemetry` of `listener \"tcp\"`".to_owned();
    let mut telemetry = Section::new(context, entries.iter(), section.problems);
    let is_open = telemetry.bool("unauthenticated_metrics_access").unwrap_or(false);
    for key in ["disallow_metrics", "metrics_only"] {
        telemetry.refuse(key, "is not built yet", "remove it only if you can do without what it guards");
    }
    telemetry.finish();
    is_open
}

fn address(section: &mut Section<'_>, place: &Place) -> String {
    let address = section.text("address").unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if !has_port {
        let message = format!("`address` in `listener \"tcp\"` is `{address}`, which names no port");
        section.problems.error(place, message, "write `host:port`, for example `127.0.0.1:8200`");
    }
    address
}

fn number(section: &mut Section<'_>, key: &'static str, default: i64) -> Option<u64> {
    limit(section.integer(key).filter(|&number| number != 0).unwrap_or(default))
}

/// The peers take a negative number for "without limit".
fn limit(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

fn set(section: &mut Section<'_>, key: &'static str, field: &mut Duration) {
    if let Some((duration, _)) = section.duration(key) {
        *field = duration;
    }
}

/// `Some(None)` is plain HTTP; `None` is an error that was reported.
fn tls(section: &mut Section<'_>, place: &Place) -> Option<Option<Tls>> {
    let min_version = tls_version(section);
    let (cert, key) = (section.text("tls_cert_file"), section.text("tls_key_file"));
    if section.bool("tls_disable").unwrap_or(false) {
        return Some(None);
    }
    match (cert, key) {
        (Some(cert), Some(key)) => {
            Some(Some(Tls { cert_file: cert.into(), key_file: key.into(), min_version: min_version? }))
        }
        _ => {
            let message =
                "`listener \"tcp\"` speaks TLS but lacks `tls_cert_file` or `tls_key_file`".to_owned();
            section.problems.error(place, message, "name both, or set `tls_disable = true`");
            None
        }
    }
}

fn tls_version(section: &mut Section<'_>) -> Option<TlsVersion> {
    let Some(node) = section.node("tls_min_version") else { return Some(TlsVersion::default()) };
    match &node.value {
        Value::Text(text) if text == "tls12" => Some(TlsVersion::Tls12),
        Value::Text(text) if text == "tls13" => Some(TlsVersion::Tls13),
        Value::Text(text) if text == "tls10" || text == "tls11" => {
            let message = format!("`tls_min_version` is `{text}`, but nothing older than TLS 1.2 is spoken");
            section.problems.warning(&node.place, message, "");
            Some(TlsVersion::Tls12)
        }
        _ => {
            let message = "`tls_min_version` is no version of TLS".to_owned();
            section.problems.error(&node.place, message, "write \"tls12\" or \"tls13\"");
            None
        }
    }
}

/// What guards a listener must not be left out silently.
fn refuse_unbuilt(section: &mut Section<'_>) {
    let keys = [
        "chroot_namespace",
        "disable_unauthed_generate_root_endpoints",
        "require_request_header",
        "tls_acme_ca_directory",
        "tls_acme_domains",
        "tls_cipher_suites",
        "tls_client_ca_file",
        "tls_max_version",
        "tls_require_and_verify_client_cert",
        "proxy_protocol_authorized_addrs",
        "x_forwarded_for_authorized_addrs",
        "x_forwarded_for_client_cert_header",
        "x_forwarded_for_hop_skips",
        "x_forwarded_for_reject_not_authorized",
        "x_forwarded_for_reject_not_present",
    ];
    for key in keys {
        section.refuse(key, "is not built yet", "remove it only if you can do without what it guards");
    }
}
