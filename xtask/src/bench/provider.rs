//! The provider process: start to handshake, and resident memory.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{median, read_proc};
use crate::shell::Done;

/// Without it the provider refuses to be anything but a plugin.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Starts of the provider.
const STARTS: usize = 21;

/// Prints the figures beside the incumbent's.
pub(super) fn measure(binaries: &Path) -> Done {
    let mut milliseconds = Vec::new();
    let mut mebibytes = Vec::new();
    for _ in 0..STARTS {
        let (time, memory) = start(&binaries.join("terraform-provider-vault"))?;
        milliseconds.push(time);
        mebibytes.push(memory);
    }
    println!("\nprovider (medians of {STARTS} starts)");
    println!("  start to handshake   {:6.1} ms    hashicorp/vault 5.11: 27 to 36 ms", median(milliseconds));
    println!("  resident memory      {:6.1} MiB   hashicorp/vault 5.11: 54 MiB", median(mebibytes));
    Ok(())
}

fn start(program: &Path) -> Result<(f64, f64), String> {
    let begin = Instant::now();
    let mut command = Command::new(program);
    command.env(COOKIE.0, COOKIE.1).env("PLUGIN_PROTOCOL_VERSIONS", "6");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("`{}`: {error}", program.display()))?;
    let mut line = String::new();
    let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
    let status = read_proc(child.id(), "status");
    // The figures are taken; how it ends is of no interest.
    let _ = child.kill();
    let _ = child.wait();
    if !matches!(read, Some(Ok(1..))) || !line.contains("|grpc") {
        return Err(format!("`{line}` is no handshake"));
    }
    Ok((milliseconds, resident_mebibytes(&status?)))
}

fn resident_mebibytes(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or(f64::NAN) / 1024.0
}
