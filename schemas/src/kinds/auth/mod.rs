//! What the auth methods share.

mod accessor;
mod token_parameters;
mod tune;

pub(crate) use accessor::{look_up, revoke, says_no_token};
pub(crate) use token_parameters::{TokenLimits, TokenParameters};
pub(crate) use tune::AuthMount;
pub(crate) use tune::Tune;
