//! The description that a server gives of its API.

use serde_json::{Value, json};

use crate::server::Server;

const METHODS: [&str; 4] = ["get", "post", "delete", "patch"];

/// An operation of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// `get`, `post`, `delete` or `patch`.
    pub method: &'static str,
    /// `/sys/policies/acl/{name}`.
    pub path: String,
    /// Whether it is a list, a scan, and a read: a description calls all of them `get`.
    is_list: bool,
    is_scan: bool,
    is_read: bool,
}

/// The description that `server` gives with `query`, of something mounted of every type that is built.
///
/// # Errors
/// When something cannot be mounted, or there is no description.
pub fn document(server: &Server, query: &str) -> Result<Value, String> {
    for kind in ["approle", "jwt", "userpass"] {
        server.must("POST", &format!("sys/auth/{kind}"), Some(&json!({ "type": kind })))?;
    }
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    server.must("POST", "sys/mounts/kv1", Some(&kv))?;
    server.must("POST", "sys/mounts/totp", Some(&json!({ "type": "totp" })))?;
    server.must("GET", &format!("sys/internal/specs/openapi{query}"), None)
}

/// All operations of `document`, in the order of their paths.
///
/// # Errors
/// When it has no paths.
pub fn described(document: &Value) -> Result<Vec<Described>, String> {
    let paths = document["paths"].as_object().ok_or("the document has no paths")?;
    Ok(paths.iter().flat_map(|(path, item)| of_path(path, item)).collect())
}

fn of_path(path: &str, item: &Value) -> Vec<Described> {
    let methods = METHODS.into_iter().filter(|method| item.get(method).is_some());
    methods.map(|method| operation(method, path, &item[method])).collect()
}

fn operation(method: &'static str, path: &str, operation: &Value) -> Described {
    let of_query = |name: &str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut named = parameters.filter(|each| each["in"] == "query" && each["name"] == name);
        named.next().map(|each| each["required"] == true)
    };
    let (list, scan) = (of_query("list"), of_query("scan"));
    Described {
        method,
        path: path.to_owned(),
        is_list: list.is_some(),
        is_scan: scan.is_some(),
        is_read: list != Some(true) && scan != Some(true),
    }
}

impl Described {
    /// Method and path; placeholders without their names.
    #[must_use]
    pub fn name(&self) -> String {
        let bare =
            |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
        let path: Vec<String> = self.path.split('/').map(bare).collect();
        format!("{} {}", self.method, path.join("/"))
    }

    /// Methods and path of the requests that it stands for, where nothing is that the placeholders could name.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, String)> {
        let filled = |segment: &str| match segment {
            "{method_id}" => "00000000-0000-4000-8000-000000000000".to_owned(),
            segment if segment.starts_with('{') => "zz".to_owned(),
            segment => segment.to_owned(),
        };
        let path = self.path.trim_start_matches('/').split('/').map(filled).collect::<Vec<_>>().join("/");
        let other = [(self.is_list, "LIST"), (self.is_scan, "SCAN")];
        let own = [(self.is_read, self.method)];
        let methods = own.into_iter().chain(other).filter(|(is_one, _)| *is_one);
        methods.map(|(_, method)| (method.to_uppercase(), path.clone())).collect()
    }
}
