//! The settings at the top of a file.

use std::path::PathBuf;

use super::document::{Document, Node, Value};
use super::listener::listeners;
use super::section::Section;
use super::{Configuration, DEFAULT_LEASE_TTL, LogFormat, Place, Problems, StorageKind};
use crate::log::Level;

/// Settings that make no difference here: there is no cluster, no plugin, no cache to turn off.
const IGNORED: [&str; 21] = [
    "administrative_namespace_path",
    "cache_size",
    "detect_deadlocks",
    "disable_cache",
    "disable_clustering",
    "disable_indexing",
    "disable_mlock",
    "disable_performance_standby",
    "disable_printable_check",
    "disable_sealwrap",
    "enable_response_header_hostname",
    "enable_response_header_raft_node_id",
    "experiments",
    "imprecise_lease_role_tracking",
    "introspection_endpoint",
    "license_path",
    "plugin_directory",
    "plugin_tmpdir",
    "service_registration",
    "telemetry",
    "ui",
];

const NEEDED: &str = "remove it only if you can do without what it promises";

/// Reads all documents as one configuration; `None` after an error.
pub(super) fn interpret(documents: &[Document], problems: &mut Problems) -> Option<Configuration> {
    let Some(last) = documents.last() else {
        if !problems.has_errors() {
            let place = Place::file(std::path::Path::new("-config"));
            problems.error(&place, "no configuration file is named".to_owned(), "");
        }
        return None;
    };
    one_storage_a_file(documents, problems);
    let entries = documents.iter().flat_map(|document| &document.entries);
    let mut section = Section::new(String::new(), entries, problems);
    let configuration = read(&mut section, &last.place);
    refuse_unbuilt(&mut section);
    section.ignore(&IGNORED);
    section.finish();
    configuration
}

fn read(section: &mut Section<'_>, place: &Place) -> Option<Configuration> {
    let storage = storage(section, place);
    let listeners = all_listeners(section, place);
    let (default_lease_ttl, max_lease_ttl) = lease_limits(section, place);
    Some(Configuration {
        listeners,
        default_lease_ttl,
        max_lease_ttl,
        api_addr: section.text("api_addr"),
        cluster_addr: section.text("cluster_addr"),
        cluster_name: section.text("cluster_name"),
        log_level: log_level(section),
        log_format: log_format(section),
        pid_file: section.text("pid_file").map(PathBuf::from),
        storage: storage?,
    })
}

fn all_listeners(section: &mut Section<'_>, place: &Place) -> Vec<super::Listener> {
    let nodes = section.all("listener");
    if nodes.is_empty() {
        let hint = "write `listener \"tcp\" { address = \"127.0.0.1:8200\" … }`";
        section.problems.error(
            place,
            "there is no `listener`, so nobody could reach the server".to_owned(),
            hint,
        );
    }
    nodes.into_iter().flat_map(|node| listeners(&node.value, &node.place, section.problems)).collect()
}

fn lease_limits(section: &mut Section<'_>, place: &Place) -> (std::time::Duration, std::time::Duration) {
    let default = section.duration("default_lease_ttl");
    let max = section.duration("max_lease_ttl");
    let limits = [default, max].map(|limit| limit.map_or(DEFAULT_LEASE_TTL, |(duration, _)| duration));
    let limits = limits.map(|limit| if limit.is_zero() { DEFAULT_LEASE_TTL } else { limit });
    if limits[0] > limits[1] {
        let place = default.or(max).map_or(place, |(_, place)| place);
        let message = "`default_lease_ttl` is longer than `max_lease_ttl`".to_owned();
        section.problems.error(place, message, "both are 768h where they are not set");
    }
    (limits[0], limits[1])
}

fn log_level(section: &mut Section<'_>) -> Option<Level> {
    let wanted = "one of trace, debug, info, warn, error";
    let read = section.read("log_level", wanted, |value| match value {
        Value::Text(text) => Level::named(text),
        _ => None,
    });
    read.and_then(|(level, _)| level)
}

fn log_format(section: &mut Section<'_>) -> LogFormat {
    let read = section.read("log_format", "`standard` or `json`", |value| match value {
        Value::Text(text) => LogFormat::named(text),
        _ => None,
    });
    read.map(|(format, _)| format).unwrap_or_default()
}

/// The storage of the last file that names one. The old name of the block is `backend`.
fn storage(section: &mut Section<'_>, place: &Place) -> Option<StorageKind> {
    let old = section.node("backend");
    let Some(node) = section.node("storage").or(old) else {
        let hint = "write `storage \"file\" { path = \"…\" }`, or `storage \"inmem\" {}` for a trial";
        section.problems.error(place, "a storage backend must be specified".to_owned(), hint);
        return None;
    };
    match kind_and_settings(node) {
        Some((kind, settings)) => storage_kind(kind, settings, &node.place, section.problems),
        None => {
            let message = "`storage` is not one block with one type".to_owned();
            section.problems.error(&node.place, message, "write `storage \"file\" { path = \"…\" }`");
            None
        }
    }
}

fn kind_and_settings(node: &Node) -> Option<(&str, &[(String, Node)])> {
    let Value::Table(kinds) = &node.value else { return None };
    match kinds.as_slice() {
        [(kind, Node { value: Value::Table(settings), .. })] => Some((kind, settings)),
        _ => None,
    }
}

fn storage_kind(
    kind: &str,
    settings: &[(String, Node)],
    place: &Place,
    problems: &mut Problems,
) -> Option<StorageKind> {
    let mut section = Section::new(format!(" in `storage \"{kind}\"`"), settings.iter(), problems);
    let storage = match kind {
        "file" => match section.text("path") {
            Some(path) => Some(StorageKind::File { path: path.into() }),
            None => {
                let hint = "name the folder that the data is to live in";
                section.problems.error(place, "`storage \"file\"` has no `path`".to_owned(), hint);
                None
            }
        },
        "inmem" => Some(StorageKind::Inmem),
        _ => {
            let hint = "`storage \"file\" { path }` is durable, `storage \"inmem\" {}` is for trials";
            problems.error(place, format!("`storage \"{kind}\"` is not built yet"), hint);
            return None;
        }
    };
    section.finish();
    storage
}

fn one_storage_a_file(documents: &[Document], problems: &mut Problems) {
    for document in documents {
        let storages = document.entries.iter().filter(|(key, _)| key == "storage" || key == "backend");
        for (_, node) in storages.skip(1) {
            problems.error(&node.place, "only one `storage` block is permitted".to_owned(), "");
        }
    }
}

/// What the peers would do for these settings must not be left out silently.
fn refuse_unbuilt(section: &mut Section<'_>) {
    for node in section.all("seal") {
        let is_shamir = matches!(kind_and_settings(node), Some(("shamir", _)));
        if !is_shamir {
            let message = "this `seal` is not built yet".to_owned();
            let hint = "without a `seal` block the server is unsealed by Shamir shares";
            section.problems.error(&node.place, message, hint);
        }
    }
    let blocks = ["audit", "entropy", "ha_storage", "ha_backend", "initialize", "kms_library", "plugin"];
    let settings = [
        "allow_audit_log_prefixing",
        "enable_multiseal",
        "log_file",
        "log_rotate_bytes",
        "log_rotate_duration",
        "log_rotate_max_files",
        "raw_storage_endpoint",
        "reporting",
        "sentinel",
        "unsafe_allow_api_audit_creation",
        "unsafe_cross_namespace_identity",
        "unsafe_relative_paths",
        "user_lockout",
    ];
    for key in blocks.into_iter().chain(settings) {
        section.refuse(key, "is not built yet", NEEDED);
    }
}
