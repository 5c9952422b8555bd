//! The first version of HCL, and JSON read as HCL: the syntax of ACL and password policies.
//!
//! Both languages give one tree. The reader accepts what OpenBao accepts (commas between items are
//! optional, keys may repeat, the closing brace of a JSON text may be missing) and words a syntax
//! error as OpenBao words it, because that text ends up in answers of the server.

mod parse;
mod scan;
mod text;
mod tree;

pub use parse::{SyntaxError, parse};
pub use scan::{NO_TEXT, Position};
pub use tree::{Item, Key, Literal, LiteralKind, Node, Object, Span};
