//! Log lines as go-plugin reads them from a plugin's standard error.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::panic::PanicHookInfo;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The host cuts lines at 64 KiB, and then they are JSON no more.
const MESSAGE_LIMIT: usize = 48 << 10;

/// Crates that tell of every byte.
const CHATTY: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tokio_util", "tower"];

/// Sends the process's log, and word of panics, to the host.
pub(crate) fn install() {
    let level = level(|name| std::env::var(name).ok());
    // Fails only if the provider has set up a log of its own, which is then what it wants.
    let _ = tracing::subscriber::set_global_default(HostLog { level });
    std::panic::set_hook(Box::new(report_panic));
}

/// Tells a person at a terminal.
pub(crate) fn human(text: &dyn fmt::Display) {
    // There is nowhere else to tell it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What the host will show; without its asking, errors alone.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let asked =
        ["TF_LOG_PROVIDER", "TF_LOG"].iter().filter_map(|name| variable(name)).find(|v| !v.is_empty());
    match asked.map(|level| level.to_uppercase()).as_deref() {
        None | Some("ERROR") => LevelFilter::ERROR,
        Some("OFF") => LevelFilter::OFF,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        // `JSON` is the lowest level in another dress, and so is everything Terraform does not know.
        Some(_) => LevelFilter::TRACE,
    }
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    emit(&line("error", "provider", &format!("panic at {place}: {text}"), Map::new()));
}

struct HostLog {
    level: LevelFilter,
}

impl Subscriber for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let root = metadata.target().split("::").next().unwrap_or_default();
        *metadata.level() <= self.level && !(*metadata.level() > LevelFilter::WARN && CHATTY.contains(&root))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().as_str().to_lowercase();
        emit(&line(&level, event.metadata().target(), &fields.message, fields.others));
    }

    // Spans are not carried: the host's log has no place for them.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Json>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.others.insert(field.name().to_owned(), format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.others.insert(field.name().to_owned(), value.into());
        }
    }
}

/// One line. The names with `@` must be strings, or the host crashes; the time must have just this form, or the
/// line counts as plain text.
fn line(level: &str, module: &str, message: &str, mut fields: Map<String, Json>) -> String {
    fields.retain(|name, _| !name.starts_with('@'));
    let end = message.floor_char_boundary(MESSAGE_LIMIT);
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    fields.insert("@level".into(), level.into());
    fields.insert("@message".into(), message[..end].into());
    fields.insert("@module".into(), module.into());
    fields.insert("@timestamp".into(), time.into());
    let mut line = Json::Object(fields).to_string();
    line.push('\n');
    line
}

/// One write, so that lines of several threads do not mix.
fn emit(line: &str) {
    // A host that reads no more is gone; there is nobody to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_form_the_host_reads() {
        let fields = Map::from_iter([("path".to_owned(), "x".into()), ("@level".to_owned(), 1.into())]);
        let line = line("warn", "provider", "two\nlines", fields);
        assert_eq!(line.matches('\n').count(), 1);
        let json: Json = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&json["@level"], &json["@message"], &json["path"]),
            (&"warn".into(), &"two\nlines".into(), &"x".into())
        );
        let time = json["@timestamp"].as_str().expect("a string");
        let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(form, "0000-00-00T00:00:00.000000Z");
    }

    #[test]
    fn long_messages_are_cut_between_letters() {
        let line = line("info", "provider", &"ä".repeat(60 << 10), Map::new());
        assert!(line.len() < 64 << 10);
    }

    #[test]
    fn only_what_the_host_shows_is_written() {
        let level = |name: &'static str, value: &'static str| {
            level(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(level("NONE", ""), LevelFilter::ERROR);
        assert_eq!(level("TF_LOG", "debug"), LevelFilter::DEBUG);
        assert_eq!(level("TF_LOG_PROVIDER", "JSON"), LevelFilter::TRACE);
        assert_eq!(level("TF_LOG", "off"), LevelFilter::OFF);
    }
}
