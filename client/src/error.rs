//! What can go wrong between us and the server, in sentences for people.

use std::fmt;

use schemas::{Diagnostic, Request, acl};

use crate::Origin;
use crate::mask::Masks;

/// Why a request did not do what it should. Holds no token and no body.
#[derive(Clone, Debug)]
pub enum Error {
    /// The settings are no use.
    Settings(String),
    /// Nobody answered.
    Unreachable {
        /// The server's address.
        address: String,
        /// What the network said.
        cause: String,
        /// Whether the request may have arrived: the connection was there, and ended without an answer.
        sent: bool,
        /// Where the address comes from.
        origin: Origin,
    },
    /// The server said no.
    Refused(Box<Refusal>),
    /// The answer makes no sense.
    Answer {
        /// The request, as `GET path`.
        request: String,
        /// What is wrong with it; no part of the answer.
        cause: String,
    },
    /// There are no credentials, or they are no use.
    Credentials(String),
    /// The client's own namespace does not exist.
    NoNamespace {
        /// The absolute namespace.
        namespace: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// The server does not know the token, which comes from here.
    UnknownToken(Origin),
    /// Something else, already put into words.
    Said(Box<Diagnostic>),
}

/// An answer that is an error.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The request's method.
    pub method: &'static str,
    /// The request's path.
    pub path: String,
    /// The namespace it was sent to; empty for the root.
    pub namespace: String,
    /// The namespace that the token lives in, where that is known; empty for the root.
    pub home: Option<String>,
    /// What the server said.
    pub errors: Vec<String>,
}

impl Refusal {
    /// What `answer` to `request` in the absolute `namespace` refuses. Servers repeat what they do not like: secrets
    /// of the request are taken out.
    pub fn new(request: &Request, namespace: &str, answer: &schemas::Answer) -> Self {
        let masks = Masks::of(request);
        Self {
            status: answer.status,
            method: request.method.as_str(),
            path: request.path.clone(),
            namespace: namespace.to_owned(),
            home: None,
            errors: said(answer).into_iter().map(|text| one_line(&masks.hide(text))).collect(),
        }
    }

    /// The same, refused to a token of the namespace `home`.
    #[must_use]
    pub fn to_token_of(mut self, home: Option<String>) -> Self {
        self.home = home;
        self
    }

    /// What would have allowed the request, for a 403: policies name paths from the namespace that they stand in, which
    /// is the token's.
    fn remedy(&self) -> String {
        let stanza = |below: &str| {
            let path = if below.is_empty() { self.path.clone() } else { format!("{below}/{}", self.path) };
            acl::stanza(self.method, &path, acl::root_protected(&self.path))
        };
        match self.home.as_ref().map(|home| (home, below(home, &self.namespace))) {
            Some((_, Some(inner))) => {
                format!(
                    "a policy of the token's namespace with this stanza would allow it:\n{}",
                    stanza(inner)
                )
            }
            Some((home, None)) => format!(
                "the token belongs to the namespace `{home}`, whose policies allow nothing in `{}`; use a token of that one",
                if self.namespace.is_empty() { "root" } else { &self.namespace }
            ),
            None if self.namespace.is_empty() => {
                format!("a policy of the token's namespace with this stanza would allow it:\n{}", stanza(""))
            }
            None => format!(
                "a policy of the namespace `{}` with this stanza would allow it (in a parent, with the names of the namespaces between before the path):\n{}",
                self.namespace,
                stanza("")
            ),
        }
    }

    fn place(&self) -> String {
        let namespace = if self.namespace.is_empty() { "the root namespace" } else { &self.namespace };
        format!("{} {} in {namespace}", self.method, self.path)
    }
}

/// The server's errors. Where there is none, as at a path that a versioned engine does not have, its warnings say it.
fn said(answer: &schemas::Answer) -> Vec<&str> {
    let errors = answer.errors();
    if errors.is_empty() { answer.warnings() } else { errors }
}

/// What the server said, on one line: several errors come with a headline, bullets and empty lines.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("* ").trim());
    let is_headline = |line: &str| line.ends_with(" occurred:") && line.contains("error");
    let said: Vec<&str> = lines.filter(|line| !line.is_empty() && !is_headline(line)).collect();
    said.join("; ")
}

impl Error {
    /// The answer's status, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// True if no other request would fare better: it is no fault of the one object that was asked for.
    pub fn is_general(&self) -> bool {
        match self {
            Error::Settings(_) | Error::Unreachable { .. } | Error::Credentials(_) => true,
            Error::NoNamespace { .. } | Error::UnknownToken(_) => true,
            Error::Refused(_) | Error::Answer { .. } | Error::Said(_) => false,
        }
    }

    /// True if the server may have done what it was asked for.
    pub(crate) fn may_have_arrived(&self) -> bool {
        matches!(self, Error::Unreachable { sent: true, .. } | Error::Answer { .. })
    }

    /// The error as a diagnostic: what failed, why, what to do.
    pub fn to_diagnostic(&self) -> Diagnostic {
        match self {
            Error::Settings(text) | Error::Credentials(text) => Diagnostic::error(text.clone()),
            Error::Unreachable { address, cause, origin, .. } => {
                Diagnostic::error(format!("the server at `{address}` cannot be reached"))
                    .because(cause.clone())
                    .hint(unreachable_hint(address, cause, origin))
            }
            Error::Refused(refusal) => refusal.to_diagnostic(),
            Error::Answer { request, cause } => {
                Diagnostic::error(format!("the answer to {request} makes no sense")).because(cause.clone())
            }
            Error::NoNamespace { namespace, origin } => no_namespace(namespace, origin),
            Error::UnknownToken(origin) => unknown_token(origin),
            Error::Said(diagnostic) => (**diagnostic).clone(),
        }
    }
}

/// The path of the namespace `inner` from `outer`, if it is that one or lies in it.
fn below<'a>(outer: &str, inner: &'a str) -> Option<&'a str> {
    match inner.strip_prefix(outer)? {
        rest if outer.is_empty() || rest.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

fn unknown_token(origin: &Origin) -> Diagnostic {
    Diagnostic::error("the server does not know the token")
        .because("it is wrong, has expired or was revoked, or it belongs to another namespace or server")
        .hint(format!("log in again, or set {}", origin.names()))
}

fn no_namespace(namespace: &str, origin: &Origin) -> Diagnostic {
    Diagnostic::error(format!("the namespace `{namespace}` does not exist"))
        .because("everything is looked for in it, so nothing can be told of any object")
        .hint(format!("check the configured namespace ({})", origin.names()))
}

/// What to do about a server that cannot be reached. Both ends not speaking the same is a common mistake, and what
/// the network says of it is hard to understand.
fn unreachable_hint(address: &str, cause: &str, origin: &Origin) -> String {
    let says = |signs: &[&str]| signs.iter().any(|sign| cause.contains(sign));
    match address.split_once("://") {
        Some(("https", rest)) if says(&["InvalidContentType", "corrupt message"]) => {
            format!("the server seems to speak plain HTTP: try {}", origin.set_to(&format!("http://{rest}")))
        }
        Some(("http", rest)) if says(&["invalid HTTP version", "HTTPS server", "closed before message"]) => {
            format!("the server seems to speak TLS: try {}", origin.set_to(&format!("https://{rest}")))
        }
        _ => format!("check the address ({}) and that the server is running", origin.names()),
    }
}

impl Refusal {
    fn to_diagnostic(&self) -> Diagnostic {
        let said = if self.errors.is_empty() {
            "the server gives no reason".to_owned()
        } else {
            self.errors.join("; ")
        };
        if self.status != 403 {
            return Diagnostic::error(format!("{} was refused with status {}", self.place(), self.status))
                .because(said);
        }
        Diagnostic::error(format!("the token may not do this: {}", self.place()))
            .because(said)
            .hint(self.remedy())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_diagnostic().fmt(f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_said_is_one_line() {
        for (said, shown) in [
            ("1 error occurred:\n\t* permission denied\n\n", "permission denied"),
            (
                "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
                "permission denied; invalid token",
            ),
            ("no handler for route \"x/y\"", "no handler for route \"x/y\""),
        ] {
            assert_eq!(one_line(said), shown);
        }
    }
}
