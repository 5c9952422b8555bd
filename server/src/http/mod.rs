//! HTTP: listeners, and requests to and from what the [core](crate::core) understands.

mod body;
mod consistency;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod go_struct;
mod headers;
mod host;
mod inline;
mod listen;
mod media_type;
mod origin;
mod places;
mod query;
mod redirect;
mod room;
mod service;
mod settled;
mod status;
mod transfer;

pub(crate) use listen::{Bound, bind};
pub(crate) use service::Service;
