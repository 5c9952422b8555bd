use crate::shape::Map;

/// How an auth method is mounted, beyond what `hashicorp/vault` offers.
#[derive(schemas::Fields)]
pub struct Mounting {
    /// Options of the method's type. Absent: as the server has them.
    #[kind(at = "object", update_at = "tune", filled)]
    pub options: Option<Map<String>>,
    /// Version of the method's plugin.
    #[kind(at = "object", update_at = "tune")]
    pub plugin_version: Option<String>,
    /// Wrap the method's storage with the seal.
    #[kind(at = "object", filled, replaces)]
    pub seal_wrap: Option<bool>,
    /// Let the method draw from an external source of entropy.
    #[kind(at = "object", filled, replaces)]
    pub external_entropy_access: Option<bool>,
}
