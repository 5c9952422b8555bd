//! Password policies: how long, of which characters.

mod model;
mod parse;

pub use model::{CharsetRule, PasswordPolicy};

#[cfg(test)]
mod tests;
