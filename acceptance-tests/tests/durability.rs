//! Our server, killed: what it has acknowledged is there after restart and unseal, and who was locked out is so still.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use acceptance_tests::{Call, Flavor, Server};
use serde_json::{Value, json};

/// Connections that write at the same time.
const WRITERS: usize = 6;
/// Of them, those that mount something instead of writing secrets.
const MOUNTERS: usize = 2;
/// How many writes are acknowledged before the server is killed, in the middle of the next ones.
const BURSTS: [usize; 4] = [10, 40, 120, 300];
/// Names that begin so are mounts.
const MOUNTED: &str = "mounted-";
/// A server that acknowledges less in this time does not work.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_acknowledged_write_survives_a_kill() {
    let mut server = Server::start(Flavor::Ours).unwrap_or_else(|problem| panic!("{problem}"));
    let mount = json!({"type": "kv", "options": {"version": "2"}});
    server.must("POST", "sys/mounts/kv", Some(&mount)).unwrap_or_else(|problem| panic!("{problem}"));
    let mut acknowledged = Vec::new();
    for (round, wanted) in BURSTS.into_iter().enumerate() {
        let written = burst_and_kill(&mut server, round, wanted);
        assert!(
            written.len() >= wanted,
            "{}",
            server
                .explain(&format!("{} of {wanted} writes were acknowledged in round {round}", written.len()))
        );
        acknowledged.extend(written);
        server.crash_and_restart().unwrap_or_else(|problem| panic!("{}", server.explain(&problem)));
        let lost: Vec<_> = acknowledged.iter().filter(|name| !is_there(&server, name)).collect();
        assert!(
            lost.is_empty(),
            "{}",
            server.explain(&format!("lost after the crash of round {round}: {lost:?}"))
        );
    }
}

#[test]
fn who_is_locked_out_stays_so_after_a_kill() {
    let mut server = Server::start(Flavor::Ours).unwrap_or_else(|problem| panic!("{problem}"));
    let must = |server: &Server, path: &str, body: Value| {
        let done = server.must("POST", path, Some(&body));
        done.unwrap_or_else(|problem| panic!("{}", server.explain(&problem)));
    };
    must(&server, "sys/auth/people", json!({"type": "userpass"}));
    let limits = json!({"lockout_threshold": "2", "lockout_duration": "1h"});
    must(&server, "sys/auth/people/tune", json!({"user_lockout_config": limits}));
    must(&server, "auth/people/users/ada", json!({"password": "right"}));
    let log_in = |server: &Server, password: &str| {
        let password = json!({ "password": password });
        let (status, _) =
            server.request("POST", "auth/people/login/ada", "", Some(&password)).expect("an answer");
        status
    };
    assert_eq!(
        [log_in(&server, "wrong"), log_in(&server, "wrong"), log_in(&server, "right")],
        [400, 400, 403]
    );
    server.crash();
    server.crash_and_restart().unwrap_or_else(|problem| panic!("{}", server.explain(&problem)));
    assert_eq!(log_in(&server, "right"), 403);
    let users = server.must("GET", "sys/locked-users", None).expect("a list");
    assert_eq!(users.pointer("/data/total"), Some(&json!(1)));
    let accessor = users.pointer("/data/by_namespace/0/mount_accessors/0/mount_accessor").expect("the mount");
    let accessor = accessor.as_str().expect("text");
    must(&server, &format!("sys/locked-users/{accessor}/unlock/ada"), json!({}));
    assert_eq!(log_in(&server, "right"), 200);
}

/// Names of the secrets and paths of the mounts whose writes were acknowledged before the server was killed.
fn burst_and_kill(server: &mut Server, round: usize, wanted: usize) -> Vec<String> {
    let acknowledged = Mutex::new(Vec::new());
    let (address, token) = (server.address.clone(), server.token.clone());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (address, token, acknowledged) = (&address, &token, &acknowledged);
            scope.spawn(move || {
                let prefix = if writer < MOUNTERS { MOUNTED } else { "" };
                write_until_refused(address, token, &format!("{prefix}{round}-{writer}"), acknowledged)
            });
        }
        let begin = Instant::now();
        while acknowledged.lock().expect("no writer panicked").len() < wanted && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        server.crash();
    });
    acknowledged.into_inner().expect("no writer panicked")
}

fn write_until_refused(address: &str, token: &str, prefix: &str, acknowledged: &Mutex<Vec<String>>) {
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        let (path, body, expected) = match name.starts_with(MOUNTED) {
            true => (format!("/v1/sys/mounts/{name}"), json!({"type": "kv"}), 204),
            false => (format!("/v1/kv/data/{name}"), json!({"data": {"name": name}}), 200),
        };
        let call = Call::new("POST", &path).header("X-Vault-Token", token);
        match call.json(&body).send(address) {
            Ok(reply) if reply.status == expected => {
                acknowledged.lock().expect("no writer panicked").push(name)
            }
            _ => return,
        }
    }
}

fn is_there(server: &Server, name: &str) -> bool {
    if name.starts_with(MOUNTED) {
        let answer = server.request("GET", &format!("sys/mounts/{name}"), "", None);
        return answer.is_ok_and(|(status, _)| status == 200);
    }
    let answer = server.request("GET", &format!("kv/data/{name}"), "", None);
    answer.is_ok_and(|(status, body)| status == 200 && body.pointer("/data/data/name") == Some(&json!(name)))
}
