//! The operations of the API, and which request files try them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::script::Script;

/// An operation of OpenBao's own description of its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// A part of the API, such as `sys/quotas`.
    pub area: String,
    /// Method; `LIST` and `SCAN` are methods, too.
    pub method: String,
    /// Path with placeholders: `/sys/policies/acl/{name}`.
    pub path: String,
    /// The request files that try it, as the list has them.
    pub covered_by: String,
    /// Why none does.
    pub reason: String,
}

impl Operation {
    /// Reads a line of the list: five fields separated by tabs.
    ///
    /// # Errors
    /// When there are fewer fields.
    pub fn parse(line: &str) -> Result<Self, String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [area, method, path, covered_by, reason] = fields.as_slice() else {
            return Err(format!("`{line}` has {} fields instead of 5", fields.len()));
        };
        let [area, method, path, covered_by, reason] =
            [area, method, path, covered_by, reason].map(|field| (*field).to_owned());
        Ok(Self { area, method, path, covered_by, reason })
    }

    /// The line of the list.
    #[must_use]
    pub fn line(&self) -> String {
        [&self.area, &self.method, &self.path, &self.covered_by, &self.reason].map(String::as_str).join("\t")
    }

    /// How well a request fits: literal segments count, then an equal length; `None` if it does not.
    fn fits(&self, request: &Request, mounts: &Mounts) -> Option<(usize, bool)> {
        if self.method != request.method {
            return None;
        }
        let wanted: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let given: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let is_open = wanted.last().is_some_and(|last| last.starts_with('{'));
        let has_length = if is_open { given.len() >= wanted.len() } else { given.len() == wanted.len() };
        // A list of everything has nothing for the placeholder at its end.
        let is_whole = is_open && given.len() + 1 == wanted.len() && request.path.ends_with('/');
        if !has_length && !is_whole {
            return None;
        }
        let fits = wanted.iter().zip(&given).all(|(wanted, given)| segment_fits(wanted, given, mounts));
        let literals = wanted.iter().filter(|segment| !segment.starts_with('{')).count();
        fits.then_some((literals, given.len() == wanted.len()))
    }
}

/// Mounts of a request file by name, and their types.
type Mounts = BTreeMap<String, String>;

struct Request {
    method: String,
    path: String,
}

fn segment_fits(wanted: &str, given: &str, mounts: &Mounts) -> bool {
    match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        None => wanted == given,
        Some(name) => match name.strip_suffix("_mount_path") {
            Some(kind) => mounts.get(given).is_some_and(|mounted| mounted == kind),
            None => true,
        },
    }
}

/// Which of `operations` (by place in the list) the requests of `script` try.
#[must_use]
pub fn covered(script: &Script, operations: &[Operation]) -> BTreeSet<usize> {
    let mounts = mounts_of(script);
    let requests = script.requests().map(|(method, target, _)| request(method, target));
    requests.filter_map(|request| best(&request, &mounts, operations)).collect()
}

fn best(request: &Request, mounts: &Mounts, operations: &[Operation]) -> Option<usize> {
    let fitting = operations.iter().enumerate().filter_map(|(index, operation)| {
        operation.fits(request, mounts).map(|literals| (literals, std::cmp::Reverse(index)))
    });
    fitting.max().map(|(_, index)| index.0)
}

fn request(method: &str, target: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_set = |name: &str| query.split('&').any(|pair| pair == format!("{name}=true"));
    let method = match method {
        "GET" if is_set("list") => "LIST",
        "GET" if is_set("scan") => "SCAN",
        "PUT" => "POST",
        method => method,
    };
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let path = if matches!(method, "LIST" | "SCAN") {
        format!("{}/", path.trim_end_matches('/'))
    } else {
        path.to_owned()
    };
    Request { method: method.to_owned(), path }
}

/// The mounts that a file makes; those of a development server besides.
fn mounts_of(script: &Script) -> Mounts {
    let mut mounts = Mounts::from([("secret".to_owned(), "secret".to_owned())]);
    for (method, target, body) in script.requests().filter(|(method, ..)| matches!(*method, "POST" | "PUT")) {
        let request = request(method, target);
        let name = ["/sys/auth/", "/sys/mounts/"].iter().find_map(|prefix| request.path.strip_prefix(prefix));
        let body: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
        if let (Some(name), Some(kind)) = (name, body.as_ref().and_then(kind_of)) {
            mounts.insert(name.trim_matches('/').to_owned(), kind);
        }
    }
    mounts
}

/// The type as the placeholders of the paths name it.
fn kind_of(body: &Value) -> Option<String> {
    let is_versioned = body.pointer("/options/version").is_some_and(|version| version == "2" || version == 2);
    match body.get("type")?.as_str()? {
        "kv" if is_versioned => Some("secret".to_owned()),
        "kv-v2" => Some("secret".to_owned()),
        "kv" | "kv-v1" | "generic" => Some("kv1".to_owned()),
        kind => Some(kind.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(requests: &str, operation: &str, expected: bool) {
        let script = Script::parse(requests).expect("requests");
        let operations = [
            "POST\t/sys/namespaces/{path}",
            "POST\t/sys/namespaces/api-lock/lock/{path}",
            "LIST\t/sys/leases/lookup/{prefix}",
            "GET\t/{kv1_mount_path}/{path}",
            "GET\t/{secret_mount_path}/data/{path}",
        ];
        let operations = operations.map(|line| Operation::parse(&format!("a\t{line}\t\t")).expect("a line"));
        let place = operations.iter().position(|each| format!("{} {}", each.method, each.path) == operation);
        let place = place.expect("one of the operations");
        assert_eq!(covered(&script, &operations).contains(&place), expected);
    }

    #[test]
    fn a_request_covers_the_path_that_fits_best() {
        check("POST /v1/sys/namespaces/a", "POST /sys/namespaces/{path}", true);
        check("POST /v1/sys/namespaces/api-lock/lock/a", "POST /sys/namespaces/{path}", false);
        check("POST /v1/sys/namespaces/api-lock/lock/a", "POST /sys/namespaces/api-lock/lock/{path}", true);
        check("GET /v1/sys/leases/lookup?list=true", "LIST /sys/leases/lookup/{prefix}", true);
        check("GET /v1/sys/leases/lookup", "LIST /sys/leases/lookup/{prefix}", false);
    }

    #[test]
    fn a_mount_is_known_by_its_type() {
        let kv = "POST /v1/sys/mounts/one\n{\"type\":\"kv\"}\n\nGET /v1/one/data/x\n";
        check(kv, "GET /{kv1_mount_path}/{path}", true);
        check(kv, "GET /{secret_mount_path}/data/{path}", false);
        check("GET /v1/secret/data/x", "GET /{secret_mount_path}/data/{path}", true);
    }
}
