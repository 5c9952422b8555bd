//! What the edge does with bytes, for the fuzz targets.

pub(crate) use super::body::{Complexity, parameters};
pub(crate) use super::go_struct::MAP;
pub(crate) use super::query::pairs as query_pairs;
pub(crate) use super::redirect::cleaned;
pub(crate) use super::service::parse_path;
