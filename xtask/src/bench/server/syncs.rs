//! Syncs of the disk that a durable request costs, counted by strace.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::contender::Contender;
use super::load::{self, Until};
use super::workload::Workload;
use crate::shell;

/// Operations at one connection, and at many.
const ALONE: u64 = 40;
const TOGETHER: u64 = 960;
const CONNECTIONS: usize = 32;

/// Syncs for each request.
pub(super) struct Syncs {
    pub(super) alone: f64,
    pub(super) together: f64,
}

/// Counts those of `workload` at `server`; `first`: the number of the first operation.
pub(super) fn count(server: &Contender, workload: Workload, first: u64) -> Result<Syncs, String> {
    let work = workload.prepare(server)?;
    let each = |operations: u64, connections, first| {
        let tracer = Tracer::attach(server.id())?;
        load::run(&server.address, &work, connections, Until::Count(operations), first)?;
        let syncs = tracer.detach()?;
        // Such an operation is two requests.
        let requests = if workload == Workload::Token { operations * 2 } else { operations };
        Ok::<f64, String>(syncs as f64 / requests as f64)
    };
    // The first use of something may write more than the others.
    load::run(&server.address, &work, 1, Until::Count(1), first)?;
    let together = if workload == Workload::Namespace { TOGETHER / 5 } else { TOGETHER };
    Ok(Syncs { alone: each(ALONE, 1, first + 1)?, together: each(together, CONNECTIONS, first + 1 + ALONE)? })
}

struct Tracer {
    child: Child,
    report: std::path::PathBuf,
}

impl Tracer {
    fn attach(id: u32) -> Result<Self, String> {
        let program =
            shell::on_path("strace").ok_or("there is no `strace`\nhint: install it, or leave out `syncs`")?;
        let report = shell::target().join("bench/strace");
        let mut command = shell::command(program);
        command.args(["-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o"]);
        command.arg(&report).args(["-p", &id.to_string()]).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("`strace`: {error}"))?;
        let mut line = String::new();
        let error = child.stderr.take().ok_or("`strace` has no standard error")?;
        let mut reader = BufReader::new(error);
        reader.read_line(&mut line).map_err(|error| format!("`strace`: {error}"))?;
        if !line.contains("attached") {
            return Err(format!("`strace` cannot watch the server: {line}"));
        }
        // It goes on to tell of threads; somebody has to read that.
        std::thread::spawn(move || reader.lines().count());
        Ok(Self { child, report })
    }

    /// Lets the server go; answers how often it has asked for a sync.
    fn detach(mut self) -> Result<u64, String> {
        shell::status(shell::command("kill").args(["-INT", &self.child.id().to_string()]))?;
        self.child.wait().map_err(|error| format!("`strace`: {error}"))?;
        let report =
            fs::read_to_string(&self.report).map_err(|error| format!("the report of `strace`: {error}"))?;
        Ok(calls(&report))
    }
}

/// The sum of the column `calls`.
fn calls(report: &str) -> u64 {
    let rows = report.lines().filter(|line| line.contains("sync"));
    rows.filter_map(|row| row.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn calls_are_added_up() {
        let report = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ------------------\n\
             60.00    0.001000          10        41           fdatasync\n\
             40.00    0.000500          10         1         1 fsync\n\
            ------ ----------- ----------- --------- --------- ------------------\n\
            100.00    0.001500          10        42         1 total\n";
        assert_eq!(super::calls(report), 42);
    }
}
