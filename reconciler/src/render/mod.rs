//! What people and programs get to see.

mod diagnostics;
mod journal;
mod machine;
mod report;
mod style;
mod unkept;
pub(crate) mod value;

pub use diagnostics::diagnostics;
pub use journal::journal;
pub use machine::{drift_json, plan_json};
pub use report::{drift, plan};
pub use style::Style;
pub(crate) use unkept::unkept;
