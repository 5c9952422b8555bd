//! How much each part of the server writes into the log, and how that is changed while it runs.
//!
//! A process has one log. Whoever starts it says how its filter is replaced ([`started`]).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use parking_lot::Mutex;

static LOG: OnceLock<Log> = OnceLock::new();

/// Parts of the server by the names that clients know, and where their lines come from.
const PARTS: [(&str, &str); 10] = [
    ("auth", "server::auth"),
    ("core", "server::core"),
    ("expiration", "server::core::lease"),
    ("http", "server::http"),
    ("identity", "server::core::identity"),
    ("seals", "server::seal"),
    ("secrets", "server::engines"),
    ("storage", "server::storage"),
    ("storage.barrier", "server::barrier"),
    ("system", "server::sys"),
];

/// From which lines on something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everything.
    Trace,
    /// What helps to find mistakes.
    Debug,
    /// What happens.
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

impl Level {
    /// The level that the peers name so; `Some(None)`: the name is empty and leaves it open. `None`: there is none of this
    /// name.
    #[must_use]
    pub fn named(name: &str) -> Option<Option<Self>> {
        Some(match name.trim().to_lowercase().as_str() {
            "" => None,
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" | "notice" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "err" | "error" => Some(Self::Error),
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

type Apply = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

struct Log {
    /// As configured.
    usual: Level,
    levels: Mutex<BTreeMap<&'static str, Level>>,
    apply: Apply,
}

impl Log {
    fn new(usual: Level, apply: Apply) -> Self {
        let levels = PARTS.into_iter().map(|(name, _)| (name, usual)).collect();
        Self { usual, levels: Mutex::new(levels), apply }
    }

    /// Sets the level of `name`, or of all; `None`: as configured.
    fn set(&self, name: Option<&str>, level: Option<Level>) {
        let mut levels = self.levels.lock();
        for (known, present) in levels.iter_mut() {
            if name.is_none_or(|name| name == *known) {
                *present = level.unwrap_or(self.usual);
            }
        }
        if let Err(problem) = (self.apply)(&directives(self.usual, &levels)) {
            tracing::error!("the levels of the log could not be changed: {problem}");
        }
    }
}

/// The filter that every line passes which `usual` lets through.
#[must_use]
pub fn filter(usual: Level) -> String {
    format!("warn,server={0},lockstep={0}", usual.name())
}

fn directives(usual: Level, levels: &BTreeMap<&str, Level>) -> String {
    let mut directives = filter(usual);
    for (name, target) in PARTS {
        let level = levels.get(name).copied().unwrap_or(usual);
        directives.push_str(&format!(",{target}={}", level.name()));
    }
    directives
}

/// Says that the log of this process was started with [`filter`], and how another filter takes its place.
pub fn started(usual: Level, apply: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) {
    // A process has one log: who comes later has not started it.
    drop(LOG.set(Log::new(usual, Box::new(apply))));
}

/// The levels of all parts; `None` if nobody has said how they are changed.
pub(crate) fn levels() -> Option<BTreeMap<&'static str, &'static str>> {
    let levels = LOG.get()?.levels.lock();
    Some(levels.iter().map(|(name, level)| (*name, level.name())).collect())
}

/// Sets the level of `name`, or of all parts without; `None`: as configured.
pub(crate) fn set(name: Option<&str>, level: Option<Level>) {
    if let Some(log) = LOG.get() {
        log.set(name, level);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_level_holds_for_its_part_until_it_is_taken_back() {
        let applied = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&applied);
        let log = Log::new(
            Level::Info,
            Box::new(move |directives| {
                directives.clone_into(&mut seen.lock());
                Ok(())
            }),
        );
        let has = |directive: &str| applied.lock().split(',').any(|part| part == directive);
        log.set(Some("expiration"), Some(Level::Trace));
        assert!(has("server::core::lease=trace") && has("server::core=info") && has("server=info"));
        log.set(None, Some(Level::Error));
        assert!(has("server::core::lease=error") && has("server::http=error"));
        log.set(Some("http"), None);
        assert!(has("server::core=error") && has("server::http=info"));
        log.set(None, None);
        assert!(has("server::core=info"));
    }
}
