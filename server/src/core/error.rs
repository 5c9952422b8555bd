//! What went wrong, as a client is told.

use std::fmt;

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::barrier::{BarrierError, CommitError};
use crate::seal::SealError;

/// An error of the API: a status and the texts of `errors`.
///
/// The texts are those that clients of the API know. They name paths and fields, never secret values.
#[derive(Clone, Debug)]
pub struct Error {
    status: StatusCode,
    messages: Vec<String>,
    data: Option<Box<RawValue>>,
    manner: Manner,
    /// For the log alone.
    cause: Option<String>,
    is_of_sealed_namespace: bool,
}

/// How the texts are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As they are.
    Plain,
    /// On authenticated requests as `1 error occurred:\n\t* permission denied\n\n`.
    Counted,
}

/// Bytes of a text. What is longer repeats what was sent, which may be a whole body.
const LONGEST: usize = 64 << 10;

fn cut(mut message: String) -> String {
    if message.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push('…');
    }
    message
}

impl Error {
    /// The request is wrong: 400, with the text as it is. What engines and auth methods use most.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, message)
    }

    /// Another status, with the text as it is.
    pub fn with_status(status: StatusCode, message: impl Into<String>) -> Self {
        Self { messages: vec![cut(message.into())], ..Self::empty(status) }
    }

    /// A failure of the operation itself. On authenticated requests the API counts such errors:
    /// `1 error occurred:\n\t* permission denied\n\n`.
    pub fn counted(status: StatusCode, message: impl Into<String>) -> Self {
        Self { manner: Manner::Counted, ..Self::with_status(status, message) }
    }

    /// Some mistakes, which are counted whoever asks.
    pub fn listed(status: StatusCode, problems: &[String]) -> Self {
        let count = match problems.len() {
            1 => "1 error".to_owned(),
            count => format!("{count} errors"),
        };
        let problems: String = problems.iter().map(|problem| format!("\n\t* {problem}")).collect();
        Self::with_status(status, format!("{count} occurred:{problems}\n\n"))
    }

    /// Nothing there: 404 with `{"errors":[]}`.
    pub fn not_found() -> Self {
        Self::empty(StatusCode::NOT_FOUND)
    }

    /// A status with `{"errors":[]}`.
    pub fn empty(status: StatusCode) -> Self {
        let (messages, manner) = (Vec::new(), Manner::Plain);
        Self { status, messages, data: None, manner, cause: None, is_of_sealed_namespace: false }
    }

    /// The token or its ACL does not allow it.
    pub fn permission_denied() -> Self {
        Self::counted(StatusCode::FORBIDDEN, "permission denied")
    }

    /// The path has no such operation.
    pub fn unsupported_operation() -> Self {
        Self::counted(StatusCode::METHOD_NOT_ALLOWED, "unsupported operation")
    }

    /// The engine has no such path.
    pub fn unsupported_path() -> Self {
        Self::counted(StatusCode::NOT_FOUND, "unsupported path")
    }

    /// The server is sealed. 503.
    pub fn sealed() -> Self {
        Self::with_status(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed")
    }

    /// The namespace, or one that it lies in, is sealed. 503.
    pub fn namespace_sealed() -> Self {
        Self::from(BarrierError::NamespaceSealed)
    }

    /// Whether it is of a namespace that is sealed: what failed can be done once that is unsealed.
    pub(crate) fn is_of_sealed_namespace(&self) -> bool {
        self.is_of_sealed_namespace
    }

    /// With `text` before the first message.
    #[must_use]
    pub(crate) fn after(mut self, text: &str) -> Self {
        if let Some(message) = self.messages.first_mut() {
            message.insert_str(0, text);
        }
        self
    }

    /// As it is on requests without a valid token.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.manner = Manner::Plain;
        self
    }

    /// Something that this server does not do (yet); says what. 501.
    pub fn not_implemented(what: impl fmt::Display) -> Self {
        Self::with_status(StatusCode::NOT_IMPLEMENTED, format!("{what} is not implemented by this server"))
    }

    /// Whether it is `status` and nothing else.
    pub(crate) fn is_bare(&self, status: StatusCode) -> bool {
        self.status == status && self.messages.is_empty() && self.data.is_none()
    }

    /// A failure inside of the server. The client hears `internal error`; `cause` goes to the log and must
    /// name no secret.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::counted(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    }

    /// Adds `data` beside the errors.
    ///
    /// # Errors
    /// Does not fail for data that has a JSON form; without one it is left out.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = serde_json::value::to_raw_value(data).ok();
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The texts of `errors`; `is_authenticated` decides how they are put.
    pub fn messages(&self, is_authenticated: bool) -> Vec<String> {
        match self.manner {
            Manner::Counted if is_authenticated && !self.messages.is_empty() => {
                let items: Vec<String> = self.messages.iter().map(|text| format!("* {text}")).collect();
                let noun = if items.len() == 1 { "error" } else { "errors" };
                vec![format!("{} {noun} occurred:\n\t{}\n\n", items.len(), items.join("\n\t"))]
            }
            _ => self.messages.clone(),
        }
    }

    /// Data beside the errors.
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_deref()
    }

    /// What the log is told besides the texts.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.status.as_u16(), self.messages.join("; "))?;
        match &self.cause {
            Some(cause) => write!(formatter, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<BarrierError> for Error {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Sealed => Self::sealed(),
            BarrierError::NamespaceSealed => Self {
                is_of_sealed_namespace: true,
                ..Self::with_status(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            },
            error => Self::internal(error),
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Barrier(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Barrier(error) => Self::from(error).plain(),
            error => {
                let status =
                    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Self::with_status(status, error.to_string())
            }
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // Position and class only: the text could be secret.
        Self::internal(format!("JSON: {:?} at {}:{}", error.classify(), error.line(), error.column()))
    }
}
