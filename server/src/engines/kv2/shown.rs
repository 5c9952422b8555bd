//! What the bodies of requests hold, for descriptions. The handlers read them as they stand.

use schemas::kind::Part;
use schemas::{Shape, Text};

use crate::core::openapi::shown;

/// A secret.
pub(super) static DATA: &[Part] = &[
    shown("data", Shape::Json, "The secret: an object."),
    shown("options", Shape::Json, "`cas`: the version that the secret must have; 0: it must not exist."),
    shown("version", Shape::Integer, "Which version to read; 0: the latest."),
];

const CAS_REQUIRED: Part =
    shown("cas_required", Shape::Bool, "Every write of a secret must name the version it expects (`cas`).");
const DELETE_AFTER: Part =
    shown("delete_version_after", Shape::Seconds, "After which time a version is deleted; 0: never.");
const MAX_VERSIONS: Part =
    shown("max_versions", Shape::Integer, "How many versions are kept; 0: ten, or as the engine says.");
const METADATA_CAS_REQUIRED: Part = shown(
    "metadata_cas_required",
    Shape::Bool,
    "Every write of settings must say how often they were written before (`metadata_cas`).",
);

/// Settings of one secret, at the path that lists names as well.
pub(super) static METADATA: &[Part] = &[
    CAS_REQUIRED,
    shown("custom_metadata", Shape::Map(&Shape::Text(Text::Plain)), "Texts that describe the secret."),
    DELETE_AFTER,
    MAX_VERSIONS,
    shown("metadata_cas", Shape::Integer, "How often the settings must have been written; 0: never."),
    METADATA_CAS_REQUIRED,
    shown("after", Shape::Text(Text::Plain), "Of a list: only names after this one."),
    shown("limit", Shape::Integer, "Of a list: so many names at most."),
];

/// Settings that hold where a secret has none of its own.
pub(super) static CONFIG: &[Part] = &[CAS_REQUIRED, DELETE_AFTER, MAX_VERSIONS, METADATA_CAS_REQUIRED];

/// Versions to delete, bring back or destroy.
pub(super) static VERSIONS: &[Part] = &[shown("versions", Shape::List(&Shape::Integer), "The versions.")];
