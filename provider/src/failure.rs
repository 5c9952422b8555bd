//! What we found, in Terraform's words.

use schemas::{Place, Severity};
use tf_provider_sdk::{AttributePath, Diagnostic};

/// A finding as Terraform shows it: a summary that is a sentence, then reason and hints.
pub(crate) fn diagnostic(found: &schemas::Diagnostic) -> Diagnostic {
    let mut detail: Vec<String> = Vec::new();
    if !found.detail.is_empty() {
        detail.push(found.detail.clone());
    }
    detail.extend(found.hints.iter().map(|hint| format!("hint: {hint}")));
    let shown = match found.severity {
        Severity::Error => Diagnostic::error(capital(&found.summary), detail.join("\n\n")),
        Severity::Warning => Diagnostic::warning(capital(&found.summary), detail.join("\n\n")),
    };
    match &found.place {
        Some(Place::Field(path)) => {
            let name = path.split(['.', '[']).next().unwrap_or(path);
            shown.at(AttributePath::attribute(name))
        }
        _ => shown,
    }
}

/// An error of the client as Terraform shows it.
pub(crate) fn of_client(error: &client::Error) -> Diagnostic {
    diagnostic(&error.to_diagnostic())
}

/// A conversation that ended badly, as Terraform shows it.
pub(crate) fn of_conversation(failure: &client::Failure) -> Diagnostic {
    diagnostic(&failure.to_diagnostic())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
