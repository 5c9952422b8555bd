use crate::shape::{List, MountPath, Sensitive};

/// The names of the secrets in a folder of a key/value engine of version 1.
#[derive(schemas::Kind)]
#[kind(name = "kv_secrets_list", class = Data, id = "{path}", read = "LIST {path}")]
pub struct KvSecretsList {
    /// Path of the engine, and of the folder in it.
    #[kind(key)]
    pub path: MountPath,
    /// Names of secrets, and of folders with a slash at the end.
    #[kind(output, api = "keys")]
    pub names: Sensitive<List<String>>,
}
