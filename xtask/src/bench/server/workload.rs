//! What is asked of the servers, and what has to be there before.

use std::io::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::contender::Contender;
use super::load::{self, Until, Work};
use crate::shell::Done;

/// Secrets that reads and writes go to by turns.
const SECRETS: u64 = 100;
/// Connections that set up.
const CONNECTIONS: usize = 16;

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Workload {
    /// A static answer
    Health,
    /// kv v2 read, one policy of 10 rules and `default`
    Read,
    /// kv v2 read by root
    ReadRoot,
    /// kv v2 read, 50 policies of 40 rules
    ReadPolicies,
    /// Capabilities of 100 paths
    Capabilities,
    /// A token looks itself up
    LookupSelf,
    /// kv v2 write, one policy of 10 rules and `default`
    Write,
    /// A policy of 10 rules is written
    PolicyWrite,
    /// A token is made and revoked
    Token,
    /// An AppRole logs in
    Approle,
    /// A list of 10,000 keys
    List,
    /// A secrets engine is mounted
    Mount,
    /// A namespace is made
    Namespace,
    /// 1,000 mounts are read
    Mounts,
}

impl Workload {
    /// Of the table of speed, in its order.
    pub(super) const SPEED: [Self; 12] = [
        Self::Health,
        Self::Read,
        Self::ReadRoot,
        Self::ReadPolicies,
        Self::Capabilities,
        Self::LookupSelf,
        Self::Write,
        Self::PolicyWrite,
        Self::Token,
        Self::Approle,
        Self::List,
        Self::Mounts,
    ];

    /// Of the table of syncs, in its order.
    pub(super) const DURABLE: [Self; 6] =
        [Self::Write, Self::PolicyWrite, Self::Token, Self::Approle, Self::Mount, Self::Namespace];

    /// What the tables call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Health => "sys/health (static)",
            Self::Read => "kv v2 read",
            Self::ReadRoot => "kv v2 read, root token",
            Self::ReadPolicies => "kv v2 read, 50 policies of 40 rules",
            Self::Capabilities => "capabilities-self of 100 paths",
            Self::LookupSelf => "token lookup-self",
            Self::Write => "kv v2 write",
            Self::PolicyWrite => "policy write",
            Self::Token => "token create + revoke",
            Self::Approle => "AppRole login",
            Self::List => "LIST of 10,000 keys",
            Self::Mount => "mount",
            Self::Namespace => "namespace create",
            Self::Mounts => "sys/mounts with 1,000 mounts",
        }
    }

    /// CPU as a share of OpenBao's that is aimed at.
    pub(super) fn target(self) -> Option<f64> {
        let one_of = match self {
            Self::Read => 15.0,
            Self::ReadPolicies => 100.0,
            Self::Capabilities => 30.0,
            Self::LookupSelf => 10.0,
            Self::Write | Self::Mounts => 8.0,
            Self::Token | Self::Approle | Self::List => 5.0,
            Self::Health | Self::ReadRoot | Self::PolicyWrite | Self::Mount | Self::Namespace => return None,
        };
        Some(1.0 / one_of)
    }

    /// Makes what the operations need; answers the operations.
    pub(super) fn prepare(self, server: &Contender) -> Result<Operations, String> {
        let root = server.token.clone();
        let (token, detail) = match self {
            Self::Health | Self::PolicyWrite | Self::Token | Self::Namespace => (root, String::new()),
            Self::Read | Self::Write | Self::Capabilities | Self::LookupSelf => {
                (secrets(server, 1)?, paths())
            }
            Self::ReadRoot => (secrets(server, 0).map(|_| root)?, String::new()),
            Self::ReadPolicies => (secrets(server, 50)?, String::new()),
            Self::Approle => (root, role(server)?),
            Self::List => (many_keys(server).map(|()| root)?, String::new()),
            Self::Mount => (root, "once".to_owned()),
            Self::Mounts => (many_mounts(server).map(|()| root)?, String::new()),
        };
        Ok(Operations { workload: self, token, detail, address: server.address.clone() })
    }
}

/// A workload at one server.
pub(super) struct Operations {
    workload: Workload,
    token: String,
    /// A body that is the same each time.
    detail: String,
    address: String,
}

impl Work for Operations {
    fn request(&self, number: u64, step: usize, previous: &[u8], out: &mut Vec<u8>) -> bool {
        let secret = number % SECRETS;
        match (self.workload, step) {
            (Workload::Token, 0) => {
                self.put(out, "POST", "auth/token/create", r#"{"policies":["default"],"ttl":"1h"}"#)
            }
            (Workload::Token, 1) => {
                let body = format!(r#"{{"token":"{}"}}"#, client_token(previous));
                self.put(out, "POST", "auth/token/revoke", &body);
            }
            (_, 1..) => return false,
            (Workload::Health, _) => self.put(out, "GET", "sys/health", ""),
            (Workload::Read | Workload::ReadRoot | Workload::ReadPolicies, _) => {
                self.put(out, "GET", &format!("kv/data/app/{secret}"), "");
            }
            (Workload::Capabilities, _) => self.put(out, "POST", "sys/capabilities-self", &self.detail),
            (Workload::LookupSelf, _) => self.put(out, "GET", "auth/token/lookup-self", ""),
            (Workload::Write, _) => self.put(out, "POST", &format!("kv/data/app/{secret}"), SECRET),
            (Workload::PolicyWrite, _) => {
                self.put(out, "POST", &format!("sys/policies/acl/written{secret}"), &policy(10, "written"));
            }
            (Workload::Approle, _) => self.put(out, "POST", "auth/approle/login", &self.detail),
            (Workload::List, _) => self.put(out, "LIST", "many/metadata", ""),
            (Workload::Mount, _) => {
                self.put(out, "POST", &format!("sys/mounts/one{number}"), r#"{"type":"kv"}"#);
            }
            (Workload::Namespace, _) => self.put(out, "POST", &format!("sys/namespaces/one{number}"), "{}"),
            (Workload::Mounts, _) => self.put(out, "GET", "sys/mounts", ""),
        }
        true
    }
}

impl Operations {
    fn put(&self, out: &mut Vec<u8>, method: &str, path: &str, body: &str) {
        let Self { address, token, .. } = self;
        let length = body.len();
        let written = write!(
            out,
            "{method} /v1/{path} HTTP/1.1\r\nHost: {address}\r\nX-Vault-Token: {token}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        written.expect("a vector takes everything");
    }
}

const SECRET: &str = r#"{"data":{"username":"app","password":"correct-horse-battery-staple","port":5432}}"#;

/// The token in the answer of a login.
pub(super) fn client_token(answer: &[u8]) -> &str {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let rest = text.split_once(r#""client_token":""#).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}

/// The body of a policy; the secrets are in the first of its rules.
fn policy(rules: usize, name: &str) -> String {
    let mut text = r#"path "kv/data/app/*" { capabilities = ["create", "read", "update"] }"#.to_owned();
    for rule in 1..rules {
        text += &format!("\npath \"kv/data/{name}/{rule}/*\" {{ capabilities = [\"read\", \"list\"] }}");
    }
    json!({ "policy": text }).to_string()
}

/// The mount with secrets, and a token of so many policies; 50 of 40 rules, else of 10.
fn secrets(server: &Contender, policies: usize) -> Result<String, String> {
    if server.call("GET", "kv/config", None).is_err() {
        server.call("POST", "sys/mounts/kv", Some(&json!({"type": "kv", "options": {"version": "2"}})))?;
        // The peer upgrades a new mount for a moment.
        std::thread::sleep(std::time::Duration::from_millis(500));
        let secret: Value = serde_json::from_str(SECRET).map_err(|error| error.to_string())?;
        for number in 0..SECRETS {
            server.call("POST", &format!("kv/data/app/{number}"), Some(&secret))?;
        }
    }
    let rules = if policies > 1 { 40 } else { 10 };
    let names: Vec<String> = (0..policies).map(|number| format!("of{rules}x{number}")).collect();
    for name in &names {
        let body: Value = serde_json::from_str(&policy(rules, name)).map_err(|error| error.to_string())?;
        server.call("POST", &format!("sys/policies/acl/{name}"), Some(&body))?;
    }
    let token = server.call("POST", "auth/token/create", Some(&json!({"policies": names, "ttl": "24h"})))?;
    Ok(token["auth"]["client_token"].as_str().unwrap_or_default().to_owned())
}

/// The body that asks for the capabilities of 100 paths.
fn paths() -> String {
    let paths: Vec<String> = (0..100).map(|number| format!("kv/data/app/{number}")).collect();
    json!({ "paths": paths }).to_string()
}

/// A role; answers the body of its logins.
fn role(server: &Contender) -> Result<String, String> {
    if server.call("GET", "sys/auth/approle", None).is_err() {
        server.call("POST", "sys/auth/approle", Some(&json!({"type": "approle"})))?;
    }
    server.call(
        "POST",
        "auth/approle/role/app",
        Some(&json!({"token_policies": "default", "token_ttl": "1h"})),
    )?;
    let id = server.call("GET", "auth/approle/role/app/role-id", None)?;
    let secret = server.call("POST", "auth/approle/role/app/secret-id", None)?;
    Ok(json!({"role_id": id["data"]["role_id"], "secret_id": secret["data"]["secret_id"]}).to_string())
}

/// A request for each number, for setting up.
struct Each<'a, F> {
    server: &'a Contender,
    write: F,
}

impl<F: Fn(u64) -> (&'static str, String, String)> Work for Each<'_, F> {
    fn request(&self, number: u64, step: usize, _: &[u8], out: &mut Vec<u8>) -> bool {
        let (method, path, body) = (self.write)(number);
        let Contender { address, token, .. } = self.server;
        let operations = Operations {
            workload: Workload::Health,
            token: token.clone(),
            detail: String::new(),
            address: address.clone(),
        };
        operations.put(out, method, &path, &body);
        step == 0
    }
}

/// Sends the requests that `write` gives for the first `count` numbers: method, path, body.
pub(super) fn repeat(
    server: &Contender,
    count: u64,
    write: impl Fn(u64) -> (&'static str, String, String),
) -> Result<load::Done, String> {
    load::run(&server.address, &Each { server, write }, CONNECTIONS, Until::Count(count), 0)
}

fn many_keys(server: &Contender) -> Done {
    server.call("POST", "sys/mounts/many", Some(&json!({"type": "kv", "options": {"version": "2"}})))?;
    std::thread::sleep(std::time::Duration::from_millis(500));
    repeat(server, 10_000, |number| ("POST", format!("many/data/key{number:05}"), SECRET.to_owned()))
        .map(drop)
}

fn many_mounts(server: &Contender) -> Done {
    let mount = |number| ("POST", format!("sys/mounts/many{number:04}"), r#"{"type":"kv"}"#.to_owned());
    repeat(server, 1000, mount).map(drop)
}
