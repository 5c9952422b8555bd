//! What exists in a Vault-compatible server: kinds of objects, their fields, and how they are written and read.
//!
//! A *kind* is declared once, as a struct with `#[derive(Kind)]`; the derive makes a static table of it, and
//! the Terraform provider, the reconciler and the server interpret that table. There is no I/O here and nothing
//! asynchronous: what to send is a function of what is wanted and what was answered ([`behavior`]).

extern crate self as schemas;

pub mod acl;
pub mod behavior;
mod calendar;
pub mod check;
pub mod codec;
pub mod compare;
mod diagnostic;
pub mod duration;
pub mod json;
pub mod json_schema;
pub mod kind;
pub mod kinds;
mod number;
pub mod password_policy;
mod request;
mod secret;
pub mod shape;
mod template;
pub mod terraform;
pub mod text_template;
mod texts;
mod value;

pub use behavior::{Behavior, ByTable, Listed, Operation, Spot, Step};
pub use diagnostic::{Diagnostic, Place, Severity, said_of_file};
pub use kind::{
    Act, Block, Call, Class, Endpoint, Field, Kind, Literal, Method, Omitted, Part, Presence, Secrecy, Shape,
    States, Text,
};
pub use number::{Number, based_integer};
pub use request::{Answer, Request};
pub use schemas_derive::{Fields, Kind};
pub use secret::Secret;
pub use template::{Piece, Template};
pub use texts::{ambiguous, lower_case, odd_part};
pub use value::{Record, Value};
