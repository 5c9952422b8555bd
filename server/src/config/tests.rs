use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Configuration, LogFormat, StorageKind, Tls, TlsVersion, load, parse};
use crate::log::Level;

const BASE: &str = "storage \"inmem\" {}\nlistener \"tcp\" {\n  tls_disable = true\n}\n";

/// The configuration, and its warnings as text.
fn accept(name: &str, text: &str) -> (Configuration, String) {
    let (configuration, warnings) = parse(Path::new(name), text).unwrap_or_else(|errors| panic!("{errors}"));
    (configuration, warnings.to_string())
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let problems = parse(Path::new("s.hcl"), text).unwrap_err().to_string();
    assert_eq!(problems, expected);
}

/// Refuses `BASE` with `line` as its fifth line.
#[track_caller]
fn check_line(line: &str, expected: &str) {
    check_refused(&format!("{BASE}{line}\n"), expected);
}

#[test]
fn a_whole_file_is_read() {
    let text = r#"
        storage "file" { path = "/var/lib/lockstep" }
        listener "tcp" {
          address              = "0.0.0.0:8200"
          tls_cert_file        = "cert.pem"
          tls_key_file         = "key.pem"
          tls_min_version      = "tls13"
          max_request_size     = 1024
          max_request_duration = "30s"
          http_idle_timeout    = "2m"
        }
        listener "tcp" {
          address          = "127.0.0.1:8300"
          tls_disable      = "1"
          max_request_size = -1
        }
        api_addr             = "https://vault.example:8200"
        cluster_addr         = "https://vault.example:8201"
        cluster_name         = "blue"
        default_lease_ttl    = "1h"
        max_lease_ttl        = 7200
        log_level            = "WARN"
        log_format           = "json"
        pid_file             = "/run/lockstep.pid"
    "#;
    let (configuration, warnings) = accept("s.hcl", text);
    assert_eq!(warnings, "");
    assert_eq!(configuration.storage, StorageKind::File { path: "/var/lib/lockstep".into() });
    let [first, second] = configuration.listeners.as_slice() else { panic!("two listeners") };
    let tls =
        Tls { cert_file: "cert.pem".into(), key_file: "key.pem".into(), min_version: TlsVersion::Tls13 };
    assert_eq!((first.address.as_str(), &first.tls), ("0.0.0.0:8200", &Some(tls)));
    assert_eq!((first.max_request_size, second.max_request_size), (Some(1024), None));
    assert_eq!(first.max_request_duration, Some(Duration::from_secs(30)));
    assert_eq!(second.max_request_duration, Some(Duration::from_secs(90)));
    assert_eq!(first.http_idle_timeout, Duration::from_secs(120));
    assert_eq!((second.address.as_str(), &second.tls), ("127.0.0.1:8300", &None));
    assert_eq!(configuration.default_lease_ttl, Duration::from_secs(3600));
    assert_eq!(configuration.max_lease_ttl, Duration::from_secs(7200));
    assert_eq!(configuration.log_level, Some(Level::Warn));
    assert_eq!(configuration.log_format, LogFormat::Json);
    assert_eq!(configuration.cluster_name.as_deref(), Some("blue"));
    assert_eq!(configuration.pid_file.as_deref(), Some(std::path::Path::new("/run/lockstep.pid")));
}

#[test]
fn json_says_the_same_as_hcl() {
    let (hcl, _) = accept("s.hcl", &format!("{BASE}default_lease_ttl = \"1d\"\n"));
    let forms = [
        r#"{"storage":{"inmem":{}},"listener":{"tcp":{"tls_disable":"true"}},"default_lease_ttl":"24h"}"#,
        r#"{"storage":{"inmem":{}},"listener":[{"tcp":{"tls_disable":1}}],"default_lease_ttl":86400}"#,
        r#"{"storage":{"inmem":{}},"listener":{"tcp":[{"tls_disable":true}]},"default_lease_ttl":"86400"}"#,
    ];
    for json in forms {
        assert_eq!(accept("s.json", json), (hcl.clone(), String::new()), "{json}");
        assert_eq!(accept("without-extension", json).0, hcl);
    }
}

#[test]
fn all_errors_are_told_at_once_with_their_lines() {
    let text = "storage \"raft\" {\n  path = \"x\"\n}\nlistener \"tcp\" {\n  tls_disable = \"perhaps\"\n  \
                max_request_size = \"big\"\n}\nlistener \"udp\" {}\nmax_lease_ttl = \"abc\"\nlog_level = \"loud\"\n\
                seal \"awskms\" {}\naudit \"file\" \"a\" {}\n";
    check_refused(
        text,
        "error: s.hcl:1: `storage \"raft\"` is not built yet
  hint: `storage \"file\" { path }` is durable, `storage \"inmem\" {}` is for trials
error: s.hcl:4: `listener \"tcp\"` speaks TLS but lacks `tls_cert_file` or `tls_key_file`
  hint: name both, or set `tls_disable = true`
error: s.hcl:5: `tls_disable` in `listener \"tcp\"` is `\"perhaps\"`, not a boolean
error: s.hcl:6: `max_request_size` in `listener \"tcp\"` is `\"big\"`, not a whole number
error: s.hcl:8: unsupported listener type `udp`
  hint: only `listener \"tcp\"` is built
error: s.hcl:9: `max_lease_ttl` is `\"abc\"`, not a duration such as `30s` or `1h30m`
error: s.hcl:10: `log_level` is `\"loud\"`, not one of trace, debug, info, warn, error
error: s.hcl:11: this `seal` is not built yet
  hint: without a `seal` block the server is unsealed by Shamir shares
error: s.hcl:12: `audit` is not built yet
  hint: remove it only if you can do without what it promises",
    );
}

#[test]
fn what_is_missing_is_an_error() {
    check_refused(
        "api_addr = \"x\"\n",
        "error: s.hcl: a storage backend must be specified
  hint: write `storage \"file\" { path = \"…\" }`, or `storage \"inmem\" {}` for a trial
error: s.hcl: there is no `listener`, so nobody could reach the server
  hint: write `listener \"tcp\" { address = \"127.0.0.1:8200\" … }`",
    );
    let listener = "listener \"tcp\" {\n  tls_disable = true\n}\n";
    check_refused(
        &format!("storage \"file\" {{}}\n{listener}"),
        "error: s.hcl:1: `storage \"file\"` has no `path`\n  hint: name the folder that the data is to live in",
    );
}

#[test]
fn a_protection_that_is_not_built_is_an_error() {
    let text = "storage \"inmem\" {}\nlistener \"tcp\" {\n  tls_disable = true\n  tls_client_ca_file = \"ca.pem\"\n}\n";
    check_refused(
        text,
        "error: s.hcl:4: `tls_client_ca_file` in `listener \"tcp\"` is not built yet
  hint: remove it only if you can do without what it guards",
    );
}

#[test]
fn a_default_lease_beyond_the_maximum_is_an_error() {
    check_line(
        "default_lease_ttl = \"800h\"",
        "error: s.hcl:5: `default_lease_ttl` is longer than `max_lease_ttl`\n  hint: both are 768h where they are not set",
    );
}

#[test]
fn two_storages_in_a_file_are_an_error() {
    check_line("storage \"inmem\" {}", "error: s.hcl:5: only one `storage` block is permitted");
}

#[test]
fn an_expression_is_an_error() {
    check_line(
        "api_addr = \"https://${host}\"",
        "error: s.hcl:5: `\"https://${host}\"` is no constant
  hint: a server configuration holds plain values, no references and no functions",
    );
}

#[test]
fn a_malformed_file_names_the_line() {
    let hcl = parse(Path::new("s.hcl"), "storage \"inmem\" {\nlistener \"tcp\" {}\n").unwrap_err();
    assert!(hcl.to_string().starts_with("error: s.hcl:2: malformed HCL: "), "{hcl}");
    let json = parse(Path::new("s.json"), "{\n\"storage\": }").unwrap_err();
    assert!(json.to_string().starts_with("error: s.json:2: malformed JSON: "), "{json}");
}

#[test]
fn unknown_and_ineffective_settings_are_warnings() {
    let text =
        format!("{BASE}foo = 1\nui = true\ndisable_mlock = true\ndisable_cache = false\ntelemetry {{}}\n");
    assert_eq!(
        accept("s.hcl", &text).1,
        "warning: s.hcl:5: unknown setting `foo`
warning: s.hcl:6: `ui` has no effect on this server
warning: s.hcl:7: `disable_mlock` has no effect on this server
warning: s.hcl:9: `telemetry` has no effect on this server"
    );
}

#[test]
fn files_and_folders_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.hcl", BASE);
    write(
        "b.json",
        r#"{"cluster_name": "from-b", "listener": {"tcp": {"address": "[::1]:1", "tls_disable": true}}}"#,
    );
    write("ignored.txt", "not read");
    let extra = folder.path().join("extra");
    fs::create_dir(&extra).unwrap();
    fs::write(extra.join("c.hcl"), "cluster_name = \"from-c\"\n").unwrap();
    let (configuration, _) = load(&[folder.path().to_owned(), extra]).unwrap();
    assert_eq!(configuration.cluster_name.as_deref(), Some("from-c"));
    assert_eq!(configuration.listeners.len(), 2);
}

#[test]
fn a_missing_file_is_an_error() {
    let problems = load(&[PathBuf::from("missing.hcl")]).unwrap_err().to_string();
    assert!(problems.starts_with("error: missing.hcl: cannot read the file: "), "{problems}");
}
