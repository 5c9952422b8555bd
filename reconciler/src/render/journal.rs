//! What became of a plan, for people.

use client::Effect;

use super::Style;
use super::style::Tone;
use crate::apply::{Journal, Outcome};

/// A failed step of which the server had taken a write.
const PARTLY: &str = "failed, partly done";

/// A failed step of which a write was sent, and nobody said what became of it.
const PERHAPS: &str = "failed, perhaps done";

/// `journal` for people. Ends with a newline.
pub fn journal(journal: &Journal, style: Style) -> String {
    let mut text = String::new();
    for entry in &journal.entries {
        let (tone, what) = match &entry.outcome {
            Outcome::Applied => (Tone::Added, "done".to_owned()),
            Outcome::Failed { effect, .. } => (Tone::Removed, failed(*effect).to_owned()),
            Outcome::Skipped { because } => (Tone::Warned, format!("left out, since it needs {because}")),
            Outcome::NotAttempted => (Tone::Warned, "not attempted".to_owned()),
        };
        text.push_str(&format!(
            "  {:<8} {}  {}\n",
            entry.action.as_str(),
            entry.address,
            style.paint(tone, &what)
        ));
        if let Outcome::Failed { found, .. } = &entry.outcome {
            for line in found.to_string().lines() {
                text.push_str(&format!("           {}\n", style.paint(Tone::Removed, line)));
            }
        }
    }
    text.push_str(&summary(journal, style));
    text
}

fn failed(effect: Effect) -> &'static str {
    match effect {
        Effect::Something => PARTLY,
        Effect::Unknown => PERHAPS,
        Effect::Nothing => "failed",
    }
}

fn summary(journal: &Journal, style: Style) -> String {
    let count = |of: fn(&Outcome) -> bool| journal.count(of);
    let failures = |of: Effect| {
        journal.count(|outcome| matches!(outcome, Outcome::Failed { effect, .. } if *effect == of))
    };
    let parts = [
        (count(|outcome| *outcome == Outcome::Applied), "done", Tone::Added),
        (failures(Effect::Something), failed(Effect::Something), Tone::Removed),
        (failures(Effect::Unknown), failed(Effect::Unknown), Tone::Removed),
        (failures(Effect::Nothing), failed(Effect::Nothing), Tone::Removed),
        (count(|outcome| matches!(outcome, Outcome::Skipped { .. })), "left out", Tone::Warned),
        (count(|outcome| *outcome == Outcome::NotAttempted), "not attempted", Tone::Warned),
    ];
    let shown = parts.iter().filter(|(count, ..)| *count > 0);
    let shown: Vec<String> =
        shown.map(|(count, word, tone)| style.paint(*tone, &format!("{count} {word}"))).collect();
    let shown = if shown.is_empty() { "nothing to do".to_owned() } else { shown.join(", ") };
    format!("{} {shown}.\n", style.paint(Tone::Bold, "Apply:"))
}
