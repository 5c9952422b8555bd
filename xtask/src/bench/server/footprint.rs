//! Memory, space on the disk, and how long a start takes.

use std::path::Path;
use std::time::Duration;

use super::contender::{Contender, Side};
use super::workload::repeat;

/// What is counted.
const MANY_TOKENS: u64 = 100_000;
const MANY_NAMESPACES: u64 = 10_000;

/// A row: what, the figure, its unit.
pub(super) type Figure = (String, f64, &'static str);

/// Measures a server on an empty folder; tokens and namespaces if `many`.
pub(super) fn measure(side: Side, program: &Path, folder: &Path, many: bool) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut server = Contender::start(side, program, folder)?;
    server.restart()?;
    figures.push(("restart to ready".to_owned(), milliseconds(server.ready_after), "ms"));
    settle();
    let idle = server.resident_mebibytes()?;
    figures.push(("idle".to_owned(), idle, "MiB"));
    if !many {
        return Ok(figures);
    }
    let disk = server.disk_mebibytes();
    let body = r#"{"policies":["default"],"ttl":"24h"}"#;
    repeat(&server, MANY_TOKENS, |_| ("POST", "auth/token/create".to_owned(), body.to_owned()))?;
    settle();
    let with = format!("{MANY_TOKENS} service tokens");
    figures.push((format!("{with}: above idle"), server.resident_mebibytes()? - idle, "MiB"));
    figures.push((format!("{with}: disk"), server.disk_mebibytes() - disk, "MiB"));
    server.restart()?;
    figures.push((format!("{with}: restart to ready"), milliseconds(server.ready_after), "ms"));
    settle();
    figures.push((format!("{with}: above idle after a restart"), server.resident_mebibytes()? - idle, "MiB"));
    drop(server);
    namespaces(Contender::start(side, program, folder)?, &mut figures)?;
    Ok(figures)
}

fn namespaces(mut server: Contender, figures: &mut Vec<Figure>) -> Result<(), String> {
    server.restart()?;
    settle();
    let idle = server.resident_mebibytes()?;
    repeat(&server, MANY_NAMESPACES, |number| {
        ("POST", format!("sys/namespaces/team{number}"), "{}".to_owned())
    })?;
    server.restart()?;
    settle();
    let with = format!("{MANY_NAMESPACES} namespaces");
    figures.push((format!("{with}: restart to ready"), milliseconds(server.ready_after), "ms"));
    let each = (server.resident_mebibytes()? - idle) * 1024.0 / MANY_NAMESPACES as f64;
    figures.push((format!("{with}: each, while idle"), each, "KiB"));
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Lets what runs in the background come to an end.
fn settle() {
    std::thread::sleep(Duration::from_secs(3));
}
