//! Stored ACL policies, and the matchers compiled of them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};
use schemas::acl::{ForbiddenValue, Substitutions};
use serde::{Deserialize, Serialize};

use super::acl::{Acl, ParsedPolicy, PolicyNamespace, builtin};
use super::error::Error;
use super::identity::{Entity, EntityAlias};
use super::namespace::Namespace;
use super::token::{OidcAccess, TokenEntry};
use crate::barrier::{Barrier, Transaction};

/// Bytes that the compiled matchers and their keys take at most, about; beyond, all are dropped and compiled again when
/// needed.
const CACHED: usize = 64 << 20;
/// One that takes more is not kept: it would cost all others their places.
const LARGEST: usize = CACHED / 2;

/// An ACL policy as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The text as written.
    pub policy: String,
    /// Counts the writes, from 1.
    pub version: u64,
    /// When it was written last: RFC 3339.
    pub modified: String,
    /// When it ends, in seconds since 1970.
    #[serde(default)]
    pub expiration: Option<i64>,
    /// How much later it ends.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expiration_nanoseconds: i32,
    /// Whether a write must name the version.
    #[serde(default)]
    pub cas_required: bool,
    /// Whether values of identity templates may hold slashes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_slashes_in_identity_templates: bool,
    /// Whether they may hold wildcards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_wildcards_in_identity_templates: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "asked for by serde")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl PolicyRecord {
    /// When it ends, in microseconds since 1970.
    pub(crate) fn ends_at(&self) -> Option<i64> {
        let seconds = self.expiration?.saturating_mul(1_000_000);
        Some(seconds.saturating_add(i64::from(self.expiration_nanoseconds / 1000)))
    }

    /// When it was to end, after 1970.
    pub(crate) fn end(&self) -> Option<SignedDuration> {
        self.expiration.map(|seconds| SignedDuration::new(seconds, self.expiration_nanoseconds))
    }

    fn substitutions(&self) -> Substitutions {
        Substitutions {
            slashes: self.allow_slashes_in_identity_templates,
            wildcards: self.allow_wildcards_in_identity_templates,
        }
    }
}

/// The matchers of all policy sets that were asked for.
#[derive(Default)]
pub(crate) struct AclCache {
    /// Counts changes of policies and identities.
    epoch: AtomicU64,
    compiled: DashMap<String, Arc<Compiled>>,
    /// What the compiled ones count for.
    bytes: AtomicUsize,
}

/// The matcher of one token, for those that come again and again: their policies need not be compared.
///
/// It does not keep the matcher alive, so that tokens cost nothing when policies have changed.
#[derive(Default)]
pub(crate) struct AclSlot(ArcSwapOption<Known>);

struct Known {
    epoch: u64,
    /// Compared by place only; that it is held keeps the place from being another's.
    entity: Option<Weak<Entity>>,
    acl: Weak<Acl>,
}

struct Compiled {
    epoch: u64,
    matcher: Matcher,
}

impl Clone for AclSlot {
    // A copy may get other policies.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for AclSlot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for AclSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AclSlot(..)")
    }
}

impl AclSlot {
    fn find(&self, epoch: u64, entity: Option<&Arc<Entity>>, now: i64) -> Option<Arc<Acl>> {
        let known = self.0.load();
        let known = known.as_ref().filter(|known| known.epoch == epoch)?;
        let place = known.entity.as_ref().map(Weak::as_ptr);
        let acl = known.acl.upgrade().filter(|_| place == entity.map(Arc::as_ptr))?;
        acl.ends_at().is_none_or(|end| now < end).then_some(acl)
    }

    fn keep(&self, epoch: u64, entity: Option<&Arc<Entity>>, acl: &Arc<Acl>) {
        let known = Known { epoch, entity: entity.map(Arc::downgrade), acl: Arc::downgrade(acl) };
        self.0.store(Some(Arc::new(known)));
    }
}

/// What is known of a key.
#[derive(Clone)]
enum Matcher {
    /// The matcher of all who have the key.
    Shared(Arc<Acl>),
    /// Each entity has its own, under a longer key.
    Templated,
}

/// Where the policies of `namespace` are stored.
pub(crate) fn policy_prefix(namespace: &Namespace) -> String {
    format!("{}sys/policy/", namespace.storage_prefix())
}

/// Writes the policy `default` of a new namespace.
pub(crate) fn write_default(
    transaction: &Transaction,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<(), Error> {
    let record = PolicyRecord {
        policy: builtin::DEFAULT.to_owned(),
        version: 1,
        modified: now.to_string(),
        ..PolicyRecord::default()
    };
    Ok(transaction.put_json(&format!("{}default", policy_prefix(namespace)), &record)?)
}

/// A policy name as it is compared everywhere: trimmed, lower case.
pub(crate) fn normal_name(name: &str) -> String {
    schemas::lower_case(name.trim())
}

impl AclCache {
    /// Makes every matcher stale. Call it after the commit that changes a policy.
    pub(crate) fn invalidate(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// The matcher of `token`, which belongs to `namespace`, and of `entity`.
    pub(crate) async fn acl_of(
        &self,
        barrier: &Barrier,
        namespace: &Namespace,
        token: &TokenEntry,
        entity: Option<&Arc<Entity>>,
        now: i64,
    ) -> Result<Arc<Acl>, Error> {
        let epoch = self.epoch.load(Ordering::Acquire);
        if let Some(acl) = token.acl.find(epoch, entity, now) {
            return Ok(acl);
        }
        let acl = self.acl(barrier, namespace, &token.policies, entity.map(|entity| &**entity), now).await?;
        token.acl.keep(epoch, entity, &acl);
        Ok(acl)
    }

    /// Forgets every matcher, for sealing.
    pub(crate) fn clear(&self) {
        self.invalidate();
        self.compiled.clear();
    }

    /// The matcher for `policies` of `namespace`, and those of `entity`.
    pub(crate) async fn acl(
        &self,
        barrier: &Barrier,
        namespace: &Namespace,
        policies: &[String],
        entity: Option<&Entity>,
        now: i64,
    ) -> Result<Arc<Acl>, Error> {
        let mut key = key(namespace, policies, entity);
        // Read before the policies are: a change in between makes the result stale at once.
        let epoch = self.epoch.load(Ordering::Acquire);
        match self.fresh(&key, epoch, now) {
            Some(Matcher::Shared(acl)) => return Ok(acl),
            Some(Matcher::Templated) => key.push_str(&own_key(entity)),
            None => {}
        }
        if let Some(Matcher::Shared(acl)) = self.fresh(&key, epoch, now) {
            return Ok(acl);
        }
        let (acl, is_templated) = compile(barrier, namespace, policies, entity, now).await?;
        let acl = Arc::new(acl);
        if is_templated {
            let shared = self::key(namespace, policies, entity);
            self.keep(format!("{shared}{}", own_key(entity)), epoch, Matcher::Shared(Arc::clone(&acl)));
            self.keep(shared, epoch, Matcher::Templated);
        } else {
            self.keep(key, epoch, Matcher::Shared(Arc::clone(&acl)));
        }
        Ok(acl)
    }

    fn fresh(&self, key: &str, epoch: u64, now: i64) -> Option<Matcher> {
        let known = self.compiled.get(key).filter(|known| known.epoch == epoch)?;
        match &known.matcher {
            Matcher::Shared(acl) if acl.ends_at().is_some_and(|end| end <= now) => None,
            matcher => Some(matcher.clone()),
        }
    }

    fn keep(&self, key: String, epoch: u64, matcher: Matcher) {
        let matched = if let Matcher::Shared(acl) = &matcher { acl.size() } else { 0 };
        let bytes = matched + 2 * key.len() + size_of::<Compiled>();
        if bytes > LARGEST {
            return;
        }
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > CACHED {
            self.compiled.clear();
            self.bytes.store(bytes, Ordering::Relaxed);
        }
        self.compiled.insert(key.clone(), Arc::new(Compiled { epoch, matcher }));
        // Else what a seal has dropped might stay.
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.compiled.remove_if(&key, |_, kept| kept.epoch == epoch);
        }
    }
}

/// A set of policies, whoever has it. Lists and names are preceded by their lengths: a name may hold any letter, and
/// none may stand for two.
fn key(namespace: &Namespace, policies: &[String], entity: Option<&Entity>) -> String {
    let of_entity = entity.map(|entity| entity.policies.as_slice()).unwrap_or_default();
    let mut key = String::with_capacity(128);
    key.push_str(&namespace.uuid);
    for names in [policies, of_entity] {
        push_length(&mut key, names.len());
        for name in names {
            push_length(&mut key, name.len());
            key.push_str(name);
        }
    }
    key
}

fn push_length(key: &mut String, length: usize) {
    key.push_str(&length.to_string());
    key.push(':');
}

/// What templates may be filled with: one state of one entity.
fn own_key(entity: Option<&Entity>) -> String {
    entity.map_or_else(|| "\0".to_owned(), |entity| format!("\0{}\0{}", entity.id, entity.revision))
}

/// The matcher, and whether it is for this entity alone.
async fn compile(
    barrier: &Barrier,
    namespace: &Namespace,
    policies: &[String],
    entity: Option<&Entity>,
    now: i64,
) -> Result<(Acl, bool), Error> {
    let of_entity = entity.map(|entity| entity.policies.as_slice()).unwrap_or_default();
    let names: BTreeSet<&String> = policies.iter().chain(of_entity).collect();
    let (mut is_templated, mut ends_at) = (false, None);
    let mut parsed = Vec::new();
    for name in names {
        if let Some((policy, expiration)) = load(barrier, namespace, name, now).await? {
            is_templated |= policy.is_templated();
            ends_at = [ends_at, expiration].into_iter().flatten().min();
            parsed.push(Arc::new(render(policy, entity, now)));
        }
    }
    Ok((Acl::compile(&parsed, now).ending_at(ends_at), is_templated))
}

/// The policy `name` and when it ends, in microseconds since 1970; `None` if there is none, or it has ended.
async fn load(
    barrier: &Barrier,
    namespace: &Namespace,
    name: &str,
    now: i64,
) -> Result<Option<(ParsedPolicy, Option<i64>)>, Error> {
    let at = PolicyNamespace { id: namespace.id.clone(), path: namespace.path.clone() };
    if name == "root" {
        return Ok(Some((ParsedPolicy::root(at), None)));
    }
    let key = format!("{}{name}", policy_prefix(namespace));
    let record: PolicyRecord = match barrier.get(&key).await? {
        Some(bytes) => serde_json::from_slice(&bytes)?,
        None if name == "response-wrapping" => {
            PolicyRecord { policy: builtin::RESPONSE_WRAPPING.to_owned(), ..PolicyRecord::default() }
        }
        None => return Ok(None),
    };
    if record.ends_at().is_some_and(|end| end <= now) {
        return Ok(None);
    }
    let policy = ParsedPolicy::parse(name, at, &record.policy)
        .map_err(|_| Error::internal(format!("the stored policy `{name}` does not parse")))?;
    Ok(Some((ParsedPolicy { substitutions: record.substitutions(), ..policy }, record.ends_at())))
}

/// The matcher of an access token of the OIDC provider: it may read who is behind it, and nothing else.
pub(crate) fn acl_of_access(namespace: &Namespace, access: &OidcAccess, now: i64) -> Result<Acl, Error> {
    let path = format!("identity/oidc/provider/{}/userinfo", access.provider);
    let text = format!("path \"{path}\" {{ capabilities = [\"read\", \"update\"] }}");
    let at = PolicyNamespace { id: namespace.id.clone(), path: namespace.path.clone() };
    let policy = ParsedPolicy::parse("", at, &text)
        .map_err(|_| Error::internal("the policy of an access token does not parse"))?;
    Ok(Acl::compile(&[Arc::new(policy)], now))
}

/// `policy` as it is for `entity`.
///
/// A rule with a value that its policy does not allow is told to the log, not to the client, who may have chosen it. No
/// value is told.
fn render(policy: ParsedPolicy, entity: Option<&Entity>, now: i64) -> ParsedPolicy {
    if !policy.is_templated() {
        return policy;
    }
    let rendered = policy.render_templates(&|name| entity.and_then(|entity| template_value(entity, name)));
    let in_force = |value: &&ForbiddenValue| value.expiration.is_none_or(|end| now <= end);
    for value in rendered.forbidden.iter().filter(in_force) {
        tracing::warn!(
            policy = ?rendered.name, namespace = %rendered.namespace.path, entity = entity.map(|entity| &*entity.id),
            path = ?value.path, "a template would be filled with a value that holds `{}`: what the rule would \
            speak of is denied to this entity; change the value, or let the policy have it by \
            `allow_slashes_in_identity_templates` or `allow_wildcards_in_identity_templates`",
            value.letter,
        );
    }
    rendered
}

/// What `{{name}}` in a policy stands for: `identity.entity.id`, `identity.groups.names.team.id`, …
fn template_value(entity: &Entity, name: &str) -> Option<String> {
    match name.strip_prefix("identity.")?.split_once('.')? {
        ("entity", name) => entity_value(entity, name),
        ("groups", name) => group_value(entity, name),
        _ => None,
    }
}

fn entity_value(entity: &Entity, name: &str) -> Option<String> {
    match name.split_once('.') {
        None if name == "id" => Some(entity.id.clone()),
        None if name == "name" => Some(entity.name.clone()),
        Some(("metadata", key)) => entity.metadata.get(key).cloned(),
        Some(("aliases", rest)) => {
            let (accessor, name) = rest.split_once('.')?;
            alias_value(entity.aliases.iter().find(|alias| alias.mount_accessor == accessor)?, name)
        }
        _ => None,
    }
}

fn alias_value(alias: &EntityAlias, name: &str) -> Option<String> {
    match name.split_once('.') {
        None if name == "id" => Some(alias.id.clone()),
        None if name == "name" => Some(alias.name.clone()),
        Some(("metadata", key)) => alias.metadata.get(key).cloned(),
        Some(("custom_metadata", key)) => alias.custom_metadata.get(key).cloned(),
        _ => None,
    }
}

fn group_value(entity: &Entity, name: &str) -> Option<String> {
    let (by, rest) = name.split_once('.')?;
    let (wanted, name) = rest.split_once('.')?;
    let group = entity.groups.iter().find(|group| match by {
        "ids" => group.id == wanted,
        "names" => group.name == wanted,
        _ => false,
    })?;
    match name.split_once('.') {
        None if name == "id" => Some(group.id.clone()),
        None if name == "name" => Some(group.name.clone()),
        Some(("metadata", key)) => group.metadata.get(key).cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::barrier::RootKey;
    use crate::core::clock::Clock;
    use crate::core::request::Operation;
    use crate::core::state::Core;
    use crate::core::testing::{ask, ask_with, server};
    use crate::storage::{Batch, InmemStorage};

    /// A server with secrets at `kv/`, and the token `t` with `policies` of these texts.
    async fn with_policies(policies: &[(&str, &str)]) -> (Arc<Core>, String) {
        let core = server(Clock::system()).await;
        assert_eq!(ask(&core, Operation::Update, "sys/mounts/kv", json!({"type": "kv"})).await.0, 204);
        for key in ["a", "b"] {
            assert_eq!(ask(&core, Operation::Update, &format!("kv/{key}"), json!({"n": 1})).await.0, 204);
        }
        for (name, text) in policies {
            let path = format!("sys/policies/acl/{name}");
            assert_eq!(ask(&core, Operation::Update, &path, json!({"policy": text})).await.0, 204);
        }
        let names: Vec<&str> = policies.iter().map(|(name, _)| *name).collect();
        let body = json!({"policies": names});
        let (_, answer) = ask(&core, Operation::Update, "auth/token/create", body).await;
        let token = answer["auth"]["client_token"].as_str().expect("a token").to_owned();
        (core, token)
    }

    const LIST: &str = "path \"kv/\" { capabilities = [\"list\"] list_scan_response_keys_filter_path = \"{{ .path }}{{ .key }}\" }";

    #[tokio::test]
    async fn a_policy_ends_when_it_says() {
        let end = 1_800_000_000;
        let record = PolicyRecord {
            policy: "path \"kv/a\" { capabilities = [\"deny\"] }".to_owned(),
            expiration: Some(end),
            expiration_nanoseconds: 740_803_398,
            ..PolicyRecord::default()
        };
        let barrier = server(Clock::system()).await.barrier.clone();
        let mut batch = Batch::new();
        let key = format!("{}short", policy_prefix(&Namespace::root()));
        batch.put(key, serde_json::to_vec(&record).expect("JSON"));
        barrier.commit(batch).await.expect("memory");
        for (fraction, is_there) in [(0, true), (740_802, true), (740_803, false), (999_999, false)] {
            let now = end * 1_000_000 + fraction;
            let loaded = load(&barrier, &Namespace::root(), "short", now).await.expect("unsealed");
            assert_eq!(loaded.is_some(), is_there, "{fraction}");
            assert!(loaded.is_none_or(|(_, ends_at)| ends_at == Some(end * 1_000_000 + 740_803)));
        }
    }

    // OpenBao keeps `mfa_methods` and asks for nothing.
    #[tokio::test]
    async fn a_rule_that_asks_for_a_second_factor_is_passed_by_nobody() {
        check_guarded("mfa_methods = [\"duo\"]", 501, json!(["b"])).await;
    }

    // Of OpenBao's rules on one path the first says whether approvals are asked for.
    #[tokio::test]
    async fn no_rule_takes_back_that_another_asks_for_approvals() {
        let group = "control_group = { factor \"x\" { controlled_capabilities = [\"read\", \"update\"] identity { group_names = [\"g\"] approvals = 1 } } }";
        check_guarded(group, 200, json!(["a", "b"])).await;
    }

    /// A rule that asks for `more` than the token, with others on its path. `status` is of an answer that is no secret.
    async fn check_guarded(more: &str, status: u16, keys: Value) {
        let all = "path \"kv/*\" { capabilities = [\"read\", \"update\", \"list\", \"sudo\"] }";
        let guarded = format!("path \"kv/a\" {{ capabilities = [\"read\"] {more} }}");
        let again = "path \"kv/a\" { capabilities = [\"read\", \"update\"] }";
        for name in ["guarded", "default"] {
            let policies = [(name, guarded.as_str()), ("all", all), ("again", again), ("list", LIST)];
            let (core, token) = with_policies(&policies).await;
            let read = |path| ask_with(&core, &token, Operation::Read, path, json!({}));
            let is_guarded = |(got, answer): (u16, Value)| got == status && answer["data"].is_null();
            assert!(is_guarded(read("kv/a").await), "{more}");
            assert_eq!(read("kv/b").await.0, 200, "{more}");
            assert!(is_guarded(ask_with(&core, &token, Operation::Update, "kv/a", json!({"n": 2})).await));
            let (_, list) = ask_with(&core, &token, Operation::List, "kv/", json!({})).await;
            assert_eq!(list["data"]["keys"], keys, "{more}");
            // Taken back by a patch, which is read as every write is.
            let path = format!("sys/policies/acl/{name}");
            assert_eq!(ask(&core, Operation::Patch, &path, json!({"policy": again})).await.0, 200);
            assert_eq!(read("kv/a").await.1["data"], json!({"n": 1}), "{more}");
            assert_eq!(ask(&core, Operation::Patch, &path, json!({"policy": guarded})).await.0, 200);
            assert!(is_guarded(read("kv/a").await), "{more}");
        }
    }

    #[tokio::test]
    async fn a_policy_has_a_size_and_a_large_matcher_is_not_kept() {
        let values = |count: usize| {
            let values = vec!["\"v\""; count].join(",");
            format!(
                "path \"kv/a\" {{ capabilities = [\"read\"] allowed_parameters = {{ \"p\" = [{values}] }} }}"
            )
        };
        let core = server(Clock::system()).await;
        let body = json!({"policy": values(300_000)});
        let (status, answer) = ask(&core, Operation::Update, "sys/policies/acl/large", body).await;
        assert_eq!(
            (status, answer["errors"][0].as_str()),
            (400, Some("the policy has 1200072 bytes, and 1048576 are the most"))
        );
        let small = "path \"kv/a\" { capabilities = [\"read\"] }".to_owned();
        let large = |policy: usize| {
            let values: Vec<String> = (0..100_000).map(|value| format!("\"{policy}{value:05}\"")).collect();
            let values = values.join(",");
            format!(
                "path \"kv/b\" {{ capabilities = [\"update\"] allowed_parameters = {{ \"p\" = [{values}] }} }}"
            )
        };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "only"];
        let all: Vec<(&str, String)> =
            names.iter().enumerate().map(|(number, name)| (*name, large(number))).collect();
        for (policies, is_kept) in [(vec![("only", small)], true), (all, false)] {
            let policies: Vec<(&str, &str)> =
                policies.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let (core, token) = with_policies(&policies).await;
            let (status, _) = ask_with(&core, &token, Operation::Read, "kv/a", json!({})).await;
            assert_eq!(status == 200, is_kept);
            // The shared key only says that each entity has its own matcher, for `default` is a template.
            let kept = core
                .acls
                .compiled
                .iter()
                .any(|kept| kept.key().contains("4:only") && matches!(kept.matcher, Matcher::Shared(_)));
            assert_eq!(kept, is_kept);
        }
    }

    #[tokio::test]
    async fn a_forbidden_value_of_a_template_closes_what_its_rule_would_speak_of() {
        let text = "path \"kv/{{identity.entity.metadata.folder}}\" { capabilities = [\"deny\"] }\npath \"kv/*\" { capabilities = [\"read\"] }\npath \"sys/mounts\" { capabilities = [\"read\"] }";
        let (core, _) = with_policies(&[("p", text)]).await;
        assert_eq!(ask(&core, Operation::Update, "sys/auth/folk", json!({"type": "userpass"})).await.0, 204);
        let user = json!({"password": "correct horse", "token_policies": ["p"]});
        assert_eq!(ask(&core, Operation::Update, "auth/folk/users/ada", user).await.0, 204);
        let password = json!({"password": "correct horse"});
        let (_, answer) = ask_with(&core, "", Operation::Update, "auth/folk/login/ada", password).await;
        let auth = &answer["auth"];
        let (token, entity) =
            (auth["client_token"].as_str().expect("a token"), auth["entity_id"].as_str().expect("an id"));
        let entity = format!("identity/entity/id/{entity}");
        for (folder, status) in [("b", 200), ("a", 403), ("a/x", 200), ("+", 403), ("*", 403)] {
            let metadata = json!({"metadata": {"folder": folder}});
            assert_eq!(ask(&core, Operation::Update, &entity, metadata).await.0, 204);
            let (got, answer) = ask_with(&core, token, Operation::Read, "kv/a", json!({})).await;
            assert_eq!(got, status, "{folder}: {answer}");
            assert_eq!(
                ask_with(&core, token, Operation::Read, "sys/mounts", json!({})).await.0,
                200,
                "{folder}"
            );
            assert_eq!(ask(&core, Operation::Read, "kv/a", json!({})).await.0, 200);
        }
    }

    #[tokio::test]
    async fn a_seal_forgets_every_matcher() {
        let barrier = Barrier::new(Arc::new(InmemStorage::new()));
        let root = RootKey::generate();
        barrier.initialize(&root, Batch::new()).await.expect("a fresh barrier");
        barrier.unseal(&root).await.expect("its root key");
        let (cache, namespace) = (AclCache::default(), Namespace::root());
        cache.acl(&barrier, &namespace, &["default".to_owned()], None, 0).await.expect("unsealed");
        assert_eq!(cache.compiled.len(), 1);
        let epoch = cache.epoch.load(Ordering::Acquire);
        cache.clear();
        assert!(cache.compiled.is_empty());
        // A request that was under way.
        cache.keep("late".to_owned(), epoch, Matcher::Templated);
        assert!(cache.compiled.is_empty());
    }
}
