//! Lists that show no more than what the token may look at (`list_scan_response_keys_filter_path`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::acl::{FilterPath, root_protected};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::acl::{self, Acl, AclRequest};
use super::engine::Access;
use super::error::Error;
use super::request::{Operation, Request};
use super::response::{Grant, Response};
use super::state::Core;
use super::topology::Space;

/// What decides on the keys of one list.
pub(super) struct Filter {
    /// What the token may do.
    pub(super) acl: Arc<Acl>,
    /// The path that is asked for, for each key.
    pub(super) path: FilterPath,
}

/// A list. Where there is more, it is not known what of it may be shown.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Listed<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key_info: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
    #[serde(borrow)]
    keys: Vec<Key<'a>>,
}

/// One key, borrowed if it is written without escapes.
#[derive(Debug, Deserialize, Serialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Core {
    /// Takes from the list in `response` what `filter` does not let `request` see.
    ///
    /// # Errors
    /// 404 if nothing is left of a list, as of an empty one; 500 for an answer that is more than keys and what is
    /// told of them.
    pub(super) fn filter(
        &self,
        filter: &Filter,
        request: &Request,
        response: &mut Response,
    ) -> Result<(), Error> {
        if response.raw.is_some() || !matches!(response.grant, Grant::Nothing) {
            return Err(Error::internal("a list that a policy filters is not answered as one").plain());
        }
        let Some(data) = response.data.as_deref().filter(|data| data.get() != "{}") else { return Ok(()) };
        let topology = self.open_topology()?;
        let space = topology.by_id(&request.namespace.id).ok_or_else(Error::permission_denied)?;
        let left = shown(data, |key| filter.shows(space, &request.path, key))?;
        if left.keys.is_empty() && request.operation == Operation::List {
            return Err(Error::not_found());
        }
        response.data = Some(serde_json::value::to_raw_value(&left)?);
        Ok(())
    }
}

impl Filter {
    /// Whether the token may read what `key` of the list at `path` stands for; of a folder, whether it may list it.
    fn shows(&self, space: &Space, path: &str, key: &str) -> bool {
        let Some(path) = self.path.render(path, key) else { return false };
        let (asked, operation) = match key.ends_with('/') {
            true => (acl::Operation::List, Operation::List),
            false => (acl::Operation::Read, Operation::Read),
        };
        let decision = self.acl.check(&AclRequest {
            operation: asked,
            namespace: &space.namespace.path,
            path: &path,
            parameters: None,
            wrap_ttl: None,
        });
        decision.allowed
            && !decision.needs_second_factor()
            && (decision.sudo || !needs_sudo(space, &path, operation))
    }
}

fn needs_sudo(space: &Space, path: &str, operation: Operation) -> bool {
    if root_protected(path) {
        return true;
    }
    let Some((mounted, rest)) = space.route(path) else { return false };
    let found = mounted.engine.as_ref().and_then(|engine| engine.find(rest, operation));
    found.is_some_and(|found| found.info.access == Access::Sudo)
}

/// What `shows` leaves of the list `data`.
fn shown(data: &RawValue, shows: impl Fn(&str) -> bool) -> Result<Listed<'_>, Error> {
    let mut listed: Listed<'_> = serde_json::from_str(data.get()).map_err(|_| {
        Error::internal("a list that a policy filters has more than keys in its answer").plain()
    })?;
    listed.keys.retain(|key| shows(&key.0));
    if let Some(key_info) = &mut listed.key_info {
        let mut shown: Vec<&str> = listed.keys.iter().map(|key| &*key.0).collect();
        shown.sort_unstable();
        key_info.retain(|key, _| shown.binary_search(&&**key).is_ok());
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn raw(value: &serde_json::Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).expect("JSON")
    }

    fn key() -> impl Strategy<Value = String> {
        "[a-c\"\\\\é]{1,3}/?"
    }

    proptest! {
        #[test]
        fn a_filter_shows_a_part_of_the_list_and_all_that_it_lets_through(
            keys in vec(key(), 0..8),
            info in proptest::option::of(btree_map(key(), any::<u32>(), 0..8)),
            hidden in vec(key(), 0..8),
        ) {
            let data = match &info {
                Some(info) => json!({ "keys": keys, "key_info": info }),
                None => json!({ "keys": keys }),
            };
            let shows = |key: &str| !hidden.iter().any(|hidden| hidden == key);
            let data = raw(&data);
            let left = serde_json::to_value(shown(&data, shows).expect("a list")).expect("JSON");
            let expected: Vec<&String> = keys.iter().filter(|key| shows(key)).collect();
            prop_assert_eq!(&left["keys"], &json!(expected));
            for (key, value) in left["key_info"].as_object().into_iter().flatten() {
                prop_assert!(expected.contains(&key));
                prop_assert_eq!(value.as_u64(), info.as_ref().and_then(|info| info.get(key)).map(|n| u64::from(*n)));
            }
        }
    }

    #[test]
    fn an_answer_of_which_more_is_unknown_is_not_shown() {
        for data in
            [json!({ "keys": ["a"], "policies": ["a"] }), json!({ "key_info": {} }), json!({ "keys": [1] })]
        {
            assert!(shown(&raw(&data), |_| true).is_err(), "{data}");
        }
    }
}
