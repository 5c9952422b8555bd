//! Finds the limit that holds for a request.

use std::collections::HashMap;
use std::sync::Arc;

use super::limiter::Limiter;
use super::record::{QuotaConfig, QuotaRecord};

/// All limits, ready to be asked. Immutable but for the counts.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) config: QuotaConfig,
    limiters: Vec<Arc<Limiter>>,
    /// By path of the namespace.
    namespaces: HashMap<String, OfNamespace>,
}

#[derive(Debug, Default)]
struct OfNamespace {
    whole: Option<Arc<Limiter>>,
    /// By path of the mount.
    mounts: HashMap<String, OfMount>,
}

#[derive(Debug, Default)]
struct OfMount {
    whole: Option<Arc<Limiter>>,
    paths: HashMap<String, Arc<Limiter>>,
    /// Beginnings of paths, the longest first.
    beginnings: Vec<(String, Arc<Limiter>)>,
    roles: HashMap<String, Arc<Limiter>>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    /// Empty if there is none.
    pub(super) mount: &'a str,
    pub(super) suffix: &'a str,
    /// The role that the login names, once it is known.
    pub(super) role: Option<&'a str>,
}

impl Rules {
    /// Rules with these limits.
    pub(super) fn new(config: QuotaConfig, limiters: Vec<Arc<Limiter>>) -> Self {
        let mut rules = Self { config, limiters: Vec::new(), namespaces: HashMap::new() };
        for limiter in limiters {
            rules.add(limiter);
        }
        rules
    }

    /// Whether nothing is limited.
    pub(super) fn is_empty(&self) -> bool {
        self.limiters.is_empty()
    }

    /// These rules with `record` added, in place of one of its name. The others go on counting.
    pub(super) fn with(&self, record: QuotaRecord) -> Self {
        let mut rules = self.without(&record.name);
        rules.add(Arc::new(Limiter::new(record)));
        rules
    }

    /// These rules without the limit `name`.
    pub(super) fn without(&self, name: &str) -> Self {
        let kept = self.limiters.iter().filter(|limiter| limiter.record().name != name);
        Self::new(self.config.clone(), kept.cloned().collect())
    }

    /// These rules with another configuration.
    pub(super) fn with_config(&self, config: QuotaConfig) -> Self {
        Self::new(config, self.limiters.clone())
    }

    fn add(&mut self, limiter: Arc<Limiter>) {
        let record = limiter.record();
        let namespace = self.namespaces.entry(record.namespace.clone()).or_default();
        if record.mount.is_empty() {
            namespace.whole = Some(Arc::clone(&limiter));
        } else {
            namespace.mounts.entry(record.mount.clone()).or_default().add(&limiter);
        }
        self.limiters.push(limiter);
    }

    /// Whether a limit of the mount asks for the role of a login.
    pub(super) fn asks_role(&self, place: Place<'_>) -> bool {
        let namespace = self.namespaces.get(place.namespace);
        namespace
            .and_then(|namespace| namespace.mounts.get(place.mount))
            .is_some_and(|mount| !mount.roles.is_empty())
    }

    /// The limit that holds: of role, path, mount, namespace, or the nearest namespace above that passes it on.
    pub(super) fn find(&self, place: Place<'_>) -> Option<&Limiter> {
        let own = self.namespaces.get(place.namespace);
        let of_mount =
            own.and_then(|namespace| namespace.mounts.get(place.mount)).and_then(|mount| mount.find(place));
        let found = of_mount.or_else(|| own.and_then(|namespace| namespace.whole.as_ref()));
        found.or_else(|| self.inherited(place.namespace)).map(|limiter| &**limiter)
    }

    fn inherited(&self, namespace: &str) -> Option<&Arc<Limiter>> {
        let mut path = namespace;
        while !path.is_empty() {
            path = parent(path);
            let whole = self.namespaces.get(path).and_then(|namespace| namespace.whole.as_ref());
            if let Some(limiter) = whole.filter(|limiter| limiter.record().inheritable) {
                return Some(limiter);
            }
        }
        None
    }
}

/// The path of the namespace above `path`, which ends with a slash.
fn parent(path: &str) -> &str {
    let name = path.strip_suffix('/').unwrap_or(path);
    name.rfind('/').map_or("", |slash| &name[..=slash])
}

impl OfMount {
    fn add(&mut self, limiter: &Arc<Limiter>) {
        let (record, limiter) = (limiter.record(), Arc::clone(limiter));
        if !record.role.is_empty() {
            self.roles.insert(record.role.clone(), limiter);
        } else if let Some(beginning) = record.suffix.strip_suffix('*') {
            self.beginnings.push((beginning.to_owned(), limiter));
            self.beginnings.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        } else if record.suffix.is_empty() {
            self.whole = Some(limiter);
        } else {
            self.paths.insert(record.suffix.clone(), limiter);
        }
    }

    fn find(&self, place: Place<'_>) -> Option<&Arc<Limiter>> {
        let suffix = place.suffix.strip_suffix('/').unwrap_or(place.suffix);
        let of_role = place.role.and_then(|role| self.roles.get(role));
        let of_path = || self.paths.get(suffix);
        let of_beginning = || {
            let mut beginnings = self.beginnings.iter();
            beginnings
                .find(|(beginning, _)| suffix.starts_with(beginning.as_str()))
                .map(|(_, limiter)| limiter)
        };
        of_role.or_else(of_path).or_else(of_beginning).or(self.whole.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, path: [&str; 3], role: &str, inheritable: bool) -> QuotaRecord {
        let [namespace, mount, suffix] = path.map(str::to_owned);
        let (name, role) = (name.to_owned(), role.to_owned());
        QuotaRecord {
            name,
            namespace,
            mount,
            suffix,
            role,
            rate: 1.0,
            interval: 1,
            block_interval: 0,
            inheritable,
        }
    }

    fn rules() -> Rules {
        let records = [
            record("global", ["", "", ""], "", true),
            record("kv", ["", "kv/", ""], "", false),
            record("path", ["", "kv/", "a/b"], "", false),
            record("all of a", ["", "kv/", "a/*"], "", false),
            record("role", ["", "auth/approle/", ""], "web", false),
            record("team", ["team/", "", ""], "", true),
            record("own", ["own/", "", ""], "", false),
        ];
        records.into_iter().fold(Rules::default(), |rules, record| rules.with(record))
    }

    #[track_caller]
    fn check(namespace: &str, mount: &str, suffix: &str, role: Option<&str>, expected: &str) {
        let rules = rules();
        let found = rules.find(Place { namespace, mount, suffix, role });
        assert_eq!(found.map(|limiter| limiter.record().name.as_str()), Some(expected));
    }

    #[test]
    fn the_most_specific_limit_holds() {
        check("", "kv/", "a/b", None, "path");
        check("", "kv/", "a/b/", None, "path");
        check("", "kv/", "a/c", None, "all of a");
        check("", "kv/", "b", None, "kv");
        check("", "sys/", "mounts", None, "global");
        check("", "auth/approle/", "login", Some("web"), "role");
        check("", "auth/approle/", "login", Some("other"), "global");
    }

    #[test]
    fn namespaces_inherit_what_is_passed_on() {
        check("team/", "kv/", "a/b", None, "team");
        check("team/app/", "kv/", "a", None, "team");
        check("own/", "kv/", "a", None, "own");
        check("own/app/", "kv/", "a", None, "global");
        check("x/", "", "", None, "global");
    }
}
