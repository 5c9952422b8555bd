//! The reconciler: configuration in HCL against a live server.
//!
//! HCL → [`Desired`]; server → inventory; both → [`plan::Plan`] (a pure function); plan → server. There is no state
//! file: what is there is looked up, and what is declared is in the files.

mod address;
pub mod apply;
pub mod config;
pub mod exit;
mod fingerprint;
pub(crate) mod hcl;
mod hidden;
pub mod inventory;
mod late;
mod nearest;
mod open;
mod outputs;
pub mod plan;
pub mod render;
pub mod saved;
pub mod secrets;
pub mod server;
pub mod value;

pub use address::Address;
pub use apply::{Journal, Outcome, apply, apply_until};
pub use config::{Declared, Desired, Loaded, Options, load, load_text};
pub use exit::Exit;
pub use hcl::source::{Sources, Span};
pub use inventory::{Inventory, Live};
pub use plan::{Action, Plan, Policy, Step, plan};
