//! What the auth methods share.

mod token_parameters;

pub use token_parameters::TokenParameters;
