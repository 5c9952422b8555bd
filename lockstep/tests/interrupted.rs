//! An apply that is interrupted says what it did.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// As long as anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that keeps what is written, and answers no write before it is let.
#[derive(Default)]
struct Slow {
    stored: Mutex<BTreeMap<String, String>>,
    may_answer: Mutex<bool>,
    changed: Condvar,
}

impl Slow {
    /// Starts it: its address, and what tells of each write that has begun.
    fn start() -> (Arc<Self>, String, Receiver<()>) {
        let (server, (told, writes)) = (Arc::new(Self::default()), channel());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let this = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (this, told) = (this.clone(), told.clone());
                std::thread::spawn(move || this.answer(stream, &told));
            }
        });
        (server, address, writes)
    }

    fn let_answer(&self) {
        *self.may_answer.lock().expect("no panic") = true;
        self.changed.notify_all();
    }

    fn answer(&self, mut stream: TcpStream, told: &Sender<()>) {
        let Some((method, path, body)) = request(&stream) else { return };
        let (status, body) = match (method.as_str(), path.as_str()) {
            ("GET", "/v1/sys/seal-status") => {
                (200, r#"{"sealed":false,"cluster_id":"c","version":"2.7.2"}"#.to_owned())
            }
            ("GET", path) => match self.stored.lock().expect("no panic").get(path) {
                Some(body) => (200, format!("{{\"data\":{body}}}")),
                None => (404, r#"{"errors":[]}"#.to_owned()),
            },
            (_, path) => {
                let _ = told.send(());
                let may_answer = self.may_answer.lock().expect("no panic");
                drop(self.changed.wait_while(may_answer, |may_answer| !*may_answer).expect("no panic"));
                self.stored.lock().expect("no panic").insert(path.to_owned(), body);
                (204, String::new())
            }
        };
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n");
        let _ = write!(stream, "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    }
}

/// Method, path and body.
fn request(stream: &TcpStream) -> Option<(String, String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length:").map_or(Some(length), |n| n.trim().parse().ok())?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    Some((words.next()?, words.next()?, String::from_utf8(body).ok()?))
}

/// More policies than are written at the same time.
fn policies() -> String {
    let policy = |n| format!("policy \"p{n}\" {{\n  path \"kv/*\" {{ capabilities = [\"read\"] }}\n}}\n");
    (0..10).map(policy).collect()
}

fn apply(address: &str, folder: &std::path::Path) -> Child {
    std::fs::write(folder.join("main.hcl"), policies()).expect("writing");
    Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["apply", "-auto-approve"])
        .current_dir(folder)
        .env_clear()
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", "root")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("`kill` runs").success());
}

/// Reads what the program says besides its data, up to the line with `text`.
#[track_caller]
fn hear(stderr: &mut impl std::io::BufRead, text: &str) {
    let said = stderr.lines().map_while(Result::ok).any(|line| line.contains(text));
    assert!(said, "it ended without `{text}`");
}

/// The exit code.
#[track_caller]
fn end(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    panic!("it does not end");
}

#[track_caller]
fn check_stops(signal: &str) {
    let (server, address, writes) = Slow::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = apply(&address, folder.path());
    (0..8).for_each(|_| writes.recv_timeout(PATIENCE).expect("a write"));
    send(signal, &child);
    hear(&mut BufReader::new(child.stderr.as_mut().expect("is piped")), "nothing more is begun");
    server.let_answer();
    assert_eq!(end(&mut child), Some(5));
    let mut said = String::new();
    child.stdout.take().expect("is piped").read_to_string(&mut said).expect("text");
    assert!(said.contains("Apply: 8 done, 2 not attempted."), "{said}");
    assert_eq!(server.stored.lock().expect("no panic").len(), 8);
}

#[test]
fn what_is_under_way_ends_and_what_was_done_is_said() {
    check_stops("-INT");
    check_stops("-TERM");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (_server, address, writes) = Slow::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = apply(&address, folder.path());
    writes.recv_timeout(PATIENCE).expect("a write");
    let mut stderr = BufReader::new(child.stderr.take().expect("is piped"));
    send("-INT", &child);
    hear(&mut stderr, "nothing more is begun");
    send("-INT", &child);
    hear(&mut stderr, "is not known");
    assert_eq!(end(&mut child), Some(5));
}
