//! `cargo xtask soak`: many clients over mixed namespaces. Only expected answers, no standstill, flat memory.
//!
//! Clients leave nothing behind for long: what they make they delete, or it ends by itself after seconds. All secrets
//! have all their versions before the clock starts, and caches are full. So what grows is what the server fails to let
//! go, and there is little room for it.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::contender::{Contender, Side};
use super::load::{self, Until, Work};
use super::workload::{client_token, repeat};
use crate::shell::{self, Done};

/// How long, and how much at a time.
#[derive(Args)]
pub(crate) struct Options {
    /// Connections that send at the same time
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds of the same before that, in which caches fill
    #[arg(long, default_value_t = 30)]
    warm_up: u64,
    /// Use a debug build
    #[arg(long)]
    debug: bool,
    /// Use what is built already
    #[arg(long)]
    no_build: bool,
}

/// Namespaces that requests go to by turns; the first is the root.
const NAMESPACES: u64 = 8;
/// Secrets of each namespace.
const SECRETS: u64 = 200;
/// Versions that a secret has at most.
const VERSIONS: u64 = 10;
/// Seconds that tokens live whose clients do not revoke them.
const LIFE: u64 = 10;
/// Memory may grow by so many MiB from the first third to the last, for what allocators keep: some 30 bytes for each
/// operation at 2,500 a second.
const GROWTH: f64 = 4.0;
/// Above all numbers of operations that warm up.
const MEASURED_FROM: u64 = 1 << 40;
/// What is left in the end: the root token, which has no lease, and what was there at first.
const LEFT: Left = Left { tokens: 1, leases: 0, mounts: 4 * NAMESPACES, namespaces: NAMESPACES - 1 };

/// Runs the load and prints what came of it.
pub(crate) fn run(options: &Options) -> Done {
    let kind = if options.debug { "debug" } else { "release" };
    if !options.no_build {
        let mut arguments = vec!["build", "--workspace", "--bins"];
        arguments.extend((!options.debug).then_some("--release"));
        shell::run(&mut shell::cargo(&arguments))?;
    }
    let program = shell::target().join(kind).join("lockstep");
    let server = Contender::start(Side::Ours, &program, &shell::target().join("bench/soak"))?;
    let soak = Soak::prepare(&server)?;
    let load = |seconds, first| {
        let until = Until::Elapsed(Duration::from_secs(seconds));
        load::run(&server.address, &soak, options.clients, until, first)
    };
    load(options.warm_up, 1)?;
    let (done, memory) = watched(&server, || load(options.seconds, MEASURED_FROM));
    let done = done?;
    std::thread::sleep(Duration::from_secs(LIFE + 2));
    let (rested, left) = (server.resident_mebibytes()?, Left::at(&server)?);
    let [first, second, last] = thirds(&memory);
    println!(
        "{} operations in {:.0} s by {} clients ({:.0} a second), every answer as expected\n\
         p50 {:.2} ms, p99 {:.2} ms, longest {:.0} ms\n\
         memory by thirds {first:.1}, {second:.1}, {last:.1} MiB, and {rested:.1} MiB once all that ends has ended\n\
         left are {left:?}",
        done.operations(),
        done.seconds,
        options.clients,
        done.operations() / done.seconds,
        done.percentile(0.5),
        done.percentile(0.99),
        done.percentile(1.0),
    );
    if left != LEFT {
        return Err(format!("something is left behind: there should be {LEFT:?}"));
    }
    match last - first <= GROWTH {
        true => Ok(()),
        false => Err(format!("memory grows by more than {GROWTH} MiB: see `bench/soak`")),
    }
}

/// What is there when all clients are gone.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// Of all namespaces.
    tokens: u64,
    leases: u64,
    mounts: u64,
    namespaces: u64,
}

impl Left {
    fn at(server: &Contender) -> Result<Self, String> {
        let mut left = Self { tokens: 0, leases: 0, mounts: 0, namespaces: 0 };
        let count = |path: &str| match server.call("LIST", path, None) {
            Ok(answer) => Ok(answer["data"]["keys"].as_array().map_or(0, |keys| keys.len() as u64)),
            Err(problem) if problem.contains(": 404 ") => Ok(0),
            Err(problem) => Err(problem),
        };
        for namespace in 0..NAMESPACES {
            let at = |path: &str| format!("{}{path}", prefix(namespace));
            left.tokens += count(&at("auth/token/accessors"))?;
            for leases in ["auth/token/create", "auth/approle/login"] {
                left.leases += count(&at(&format!("sys/leases/lookup/{leases}")))?;
            }
            let mounts = server.call("GET", &at("sys/mounts"), None)?;
            left.mounts += mounts["data"].as_object().map_or(0, |mounts| mounts.len() as u64);
        }
        left.namespaces = count("sys/namespaces")?;
        Ok(left)
    }
}

/// Does `work` and answers the resident memory at each second of it.
fn watched<T>(server: &Contender, work: impl FnOnce() -> T) -> (T, Vec<f64>) {
    let (is_over, memory) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1));
                let resident = server.resident_mebibytes().unwrap_or(f64::NAN);
                memory.lock().expect("nobody panics with it").push(resident);
            }
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        done
    });
    (done, memory.into_inner().expect("nobody panics with it"))
}

/// The middle figures of each third.
fn thirds(figures: &[f64]) -> [f64; 3] {
    let third = figures.len().div_ceil(3);
    let middle = |from: usize| crate::bench::median(figures[from..from + third].to_vec());
    [0, (figures.len() - third) / 2, figures.len() - third].map(middle)
}

/// The mixture of operations.
struct Soak {
    address: String,
    root: String,
    /// Body of the logins in each namespace.
    logins: Vec<String>,
}

/// One kind of operation; what it does in each step is in [`Soak::step`].
#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
    Delete,
    List,
    Token,
    /// Its token ends by itself.
    Login,
    RevokedLogin,
    Policy,
    Mount,
    Namespace,
    Health,
}

/// What is sent, and what may be answered.
struct Step {
    method: &'static str,
    path: String,
    /// `None`: root's.
    token: Option<String>,
    body: String,
    expected: &'static [u16],
}

impl Soak {
    fn prepare(server: &Contender) -> Result<Self, String> {
        let mut logins = Vec::new();
        for namespace in 0..NAMESPACES {
            let at = |path: &str| format!("{}{path}", prefix(namespace));
            if namespace > 0 {
                server.call("POST", &format!("sys/namespaces/team{namespace}"), Some(&json!({})))?;
            }
            server.call("POST", &at("sys/mounts/kv"), Some(&json!({"type": "kv-v2"})))?;
            server.call("POST", &at("sys/auth/approle"), Some(&json!({"type": "approle"})))?;
            server.call("POST", &at("sys/policies/acl/reader"), Some(&policy("kv/data/*")))?;
            let role = json!({"token_policies": "reader", "token_ttl": format!("{LIFE}s")});
            server.call("POST", &at("auth/approle/role/app"), Some(&role))?;
            let id = server.call("GET", &at("auth/approle/role/app/role-id"), None)?;
            let secret = server.call("POST", &at("auth/approle/role/app/secret-id"), None)?;
            let login = json!({"role_id": id["data"]["role_id"], "secret_id": secret["data"]["secret_id"]});
            logins.push(login.to_string());
        }
        repeat(server, NAMESPACES * SECRETS * VERSIONS, |number| {
            let (namespace, secret) = (number % NAMESPACES, number / NAMESPACES % SECRETS);
            ("POST", format!("{}kv/data/s{secret}", prefix(namespace)), VALUE.to_owned())
        })?;
        Ok(Self { address: server.address.clone(), root: server.token.clone(), logins })
    }

    fn step(&self, number: u64, step: usize, previous: &[u8]) -> Option<Step> {
        let chance = mixed(number);
        let (namespace, secret) = (chance % NAMESPACES, (chance >> 8) % SECRETS);
        let at = |path: String| format!("{}{path}", prefix(namespace));
        let root = |method, path, body: &str, expected| {
            Some(Step { method, path: at(path), token: None, body: body.to_owned(), expected })
        };
        let given = || Some(client_token(previous).to_owned());
        match (kind(chance >> 16), step) {
            (Kind::Read, 0) => root("GET", format!("kv/data/s{secret}"), "", &[200, 404]),
            (Kind::Write, 0) => root("POST", format!("kv/data/s{secret}"), VALUE, &[200]),
            (Kind::Delete, 0) => root("DELETE", format!("kv/metadata/s{secret}"), "", &[204]),
            (Kind::List, 0) => root("LIST", "kv/metadata/".to_owned(), "", &[200, 404]),
            (Kind::Policy, 0) => {
                let body = policy(&format!("kv/data/s{secret}")).to_string();
                root("POST", format!("sys/policies/acl/p{}", secret % 20), &body, &[204])
            }
            (Kind::Health, 0) => root("GET", "sys/mounts".to_owned(), "", &[200]),
            (Kind::Mount, 0) => root("POST", format!("sys/mounts/m{number}"), r#"{"type":"kv"}"#, &[204]),
            (Kind::Mount, 1) => root("POST", format!("m{number}/a"), r#"{"a":1}"#, &[204]),
            (Kind::Mount, 2) => root("DELETE", format!("sys/mounts/m{number}"), "", &[204]),
            (Kind::Mount, 3) => root("GET", format!("m{number}/a"), "", &[404]),
            (Kind::Namespace, 0) => root("POST", format!("sys/namespaces/n{number}"), "{}", &[200]),
            (Kind::Namespace, 1) => root("DELETE", format!("sys/namespaces/n{number}"), "", &[200]),
            (Kind::Namespace, 2) => root("GET", format!("n{number}/sys/mounts"), "", &[403, 404]),
            (Kind::Token, 0) => {
                let body = r#"{"policies":["reader"],"ttl":"60s"}"#;
                root("POST", "auth/token/create".to_owned(), body, &[200])
            }
            (Kind::Token | Kind::RevokedLogin, 1) => Some(Step {
                method: "POST",
                path: at("auth/token/revoke-self".to_owned()),
                token: given(),
                body: String::new(),
                expected: &[204],
            }),
            (Kind::Login | Kind::RevokedLogin, 0) => {
                root("POST", "auth/approle/login".to_owned(), &self.logins[namespace as usize], &[200])
            }
            (Kind::Login, 1) => Some(Step {
                method: "GET",
                path: at(format!("kv/data/s{secret}")),
                token: given(),
                body: String::new(),
                expected: &[200, 404],
            }),
            _ => None,
        }
    }
}

const VALUE: &str = r#"{"data":{"a":"b"}}"#;

impl Work for Soak {
    fn request(&self, number: u64, step: usize, previous: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(step) = self.step(number, step, previous) else { return false };
        let token = step.token.as_deref().unwrap_or(&self.root);
        let Step { method, path, body, .. } = &step;
        let (address, length) = (&self.address, body.len());
        let written = write!(
            out,
            "{method} /v1/{path} HTTP/1.1\r\nHost: {address}\r\nX-Vault-Token: {token}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        written.expect("a vector takes everything");
        true
    }

    fn is_expected(&self, number: u64, step: usize, status: u16) -> bool {
        self.step(number, step, &[]).is_some_and(|step| step.expected.contains(&status))
    }
}

/// Before the paths of a namespace.
fn prefix(namespace: u64) -> String {
    if namespace == 0 { String::new() } else { format!("team{namespace}/") }
}

fn policy(path: &str) -> Value {
    json!({"policy": format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}")})
}

/// Which kind, of 64 chances.
fn kind(chance: u64) -> Kind {
    match chance % 64 {
        0..24 => Kind::Read,
        24..38 => Kind::Write,
        38..40 => Kind::Delete,
        40..44 => Kind::List,
        44..50 => Kind::Token,
        50..53 => Kind::Login,
        53..56 => Kind::RevokedLogin,
        56..58 => Kind::Policy,
        58..60 => Kind::Mount,
        60 => Kind::Namespace,
        _ => Kind::Health,
    }
}

/// A number that looks random, the same for the same `number` (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
