//! Commands that run to their end, and processes that run until they are dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Lines of a server's log that a failure shows.
const LOG_LINES: usize = 40;

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Command line, for people.
    pub command: String,
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> Result<Self, String> {
        let shown = shown(command);
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
        Ok(Self {
            command: shown,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// This run, if it ended with `code`.
    ///
    /// # Errors
    /// With command and output, when it ended otherwise.
    pub fn expect(self, code: i32, why: &str) -> Result<Self, String> {
        if self.code == code {
            return Ok(self);
        }
        Err(self.failure(&format!("{why}: expected exit code {code}, got {}", self.code)))
    }

    /// `problem`, followed by command and output.
    #[must_use]
    pub fn failure(&self, problem: &str) -> String {
        format!("{problem}\n$ {}\n{}{}", self.command, self.stdout, self.stderr)
    }
}

fn shown(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// A process in the background; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, String> {
        let shown = shown(command);
        let open = || File::options().create(true).append(true).open(log);
        let (out, err) =
            open().and_then(|out| Ok((out, open()?))).map_err(|error| format!("{log:?}: {error}"))?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill and nothing to wait for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines of its output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Its whole output.
    #[must_use]
    pub fn log_text(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
