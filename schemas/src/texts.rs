//! Documents inside fields: what is wrong with one, and when two mean the same.

use crate::Diagnostic;
use crate::kind::Text;

/// The one form of all documents that mean the same as `text`.
pub(crate) fn canonical(rule: Text, text: &str) -> String {
    match rule {
        Text::Plain => text.to_owned(),
        Text::Name => text.trim().to_lowercase(),
        Text::Path => text.trim_matches('/').to_owned(),
        Text::Pem | Text::AclPolicy | Text::PasswordPolicy => text.trim().to_owned(),
    }
}

/// What is wrong with `text`.
pub(crate) fn check(rule: Text, _text: &str) -> Vec<Diagnostic> {
    match rule {
        Text::Plain | Text::Name | Text::Path | Text::Pem | Text::AclPolicy | Text::PasswordPolicy => {
            Vec::new()
        }
    }
}
