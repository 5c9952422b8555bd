//! Reads and writes of kv version 2, ours and OpenBao's by turns, both in memory.

use std::path::Path;
use std::time::Instant;

use super::{Options, median, read_proc};
use crate::background::{DevServer, TOKEN};
use crate::http::{Connection, Request};
use crate::oracle;
use crate::shell::{self, Done};

/// Secrets that the requests go to by turns.
const SECRETS: usize = 100;
/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux there is.
const TICKS: f64 = 100.0;

/// One measurement.
struct Figures {
    /// Requests a second.
    rate: f64,
    /// Seconds of processor time that the server took for 1,000 requests.
    processor: f64,
}

/// Prints the figures of both and their ratios.
pub(super) fn measure(binaries: &Path, options: &Options) -> Done {
    let folder = shell::target().join("bench");
    let ours = DevServer::start(&binaries.join("lockstep"), &folder.join("ours.log"))?;
    let peer = DevServer::start(&oracle::bao()?, &folder.join("openbao.log"))?;
    println!(
        "\nserver, kv version 2 in memory ({} connections, {} requests a round)",
        options.connections, options.requests
    );
    println!(
        "  {:5} {:>12} {:>12} {:>9} {:>14} {:>14} {:>9}",
        "", "ours req/s", "OpenBao", "ratio", "ours CPU s/1k", "OpenBao", "ratio"
    );
    for (name, method) in [("write", "POST"), ("read", "GET")] {
        let mut rounds = Vec::new();
        for _ in 0..options.rounds {
            rounds.push((round(&ours, method, options)?, round(&peer, method, options)?));
        }
        print(name, &rounds);
    }
    Ok(())
}

fn print(name: &str, rounds: &[(Figures, Figures)]) {
    let middle = |figure: fn(&(Figures, Figures)) -> f64| median(rounds.iter().map(figure).collect());
    println!(
        "  {name:5} {:12.0} {:12.0} {:8.2}x {:14.4} {:14.4} {:8.2}x",
        middle(|(ours, _)| ours.rate),
        middle(|(_, peer)| peer.rate),
        middle(|(ours, peer)| ours.rate / peer.rate),
        middle(|(ours, _)| ours.processor),
        middle(|(_, peer)| peer.processor),
        middle(|(ours, peer)| ours.processor / peer.processor),
    );
}

fn round(server: &DevServer, method: &str, options: &Options) -> Result<Figures, String> {
    let requests = options.requests / options.connections;
    let processor = processor_seconds(server.id())?;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.connections)
            .map(|_| scope.spawn(|| load(&server.address, method, requests)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a connection panicked".to_owned())?)
    })?;
    let sent = (requests * options.connections) as f64;
    Ok(Figures {
        rate: sent / begin.elapsed().as_secs_f64(),
        processor: (processor_seconds(server.id())? - processor) / sent * 1000.0,
    })
}

fn load(address: &str, method: &str, requests: usize) -> Done {
    let mut connection = Connection::open(address)?;
    let body = match method {
        "POST" => {
            r#"{"data": {"username": "app", "password": "correct-horse-battery-staple", "port": 5432}}"#
        }
        _ => "",
    };
    for index in 0..requests {
        let path = format!("secret/data/bench/{}", index % SECRETS);
        let request = Request { method, path: &path, token: TOKEN, namespace: "", body };
        let (status, answer) = connection.send(&request)?;
        if status != 200 {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer)));
        }
    }
    Ok(())
}

/// Processor time of a process so far, in its own code and in the kernel.
fn processor_seconds(id: u32) -> Result<f64, String> {
    let stat = read_proc(id, "stat")?;
    // The name of the program comes first, in parentheses, and may hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}
