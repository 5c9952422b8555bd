//! What the auth methods share.

mod accessor;
mod mounting;
mod token_parameters;
mod tune;

pub(crate) use accessor::{look_up, revoke, says_no_token};
pub(crate) use mounting::Mounting;
pub(crate) use token_parameters::{TokenLimits, TokenParameters};
pub(crate) use tune::{AuthMount, Tune, UserLockout};
