//! Whether two texts mean the same.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::Parameters;
use super::{AclPolicy, ParameterValue, PathRule};

impl AclPolicy {
    /// Whether two policy texts mean the same: layout, comments, the order of rules, keys and values,
    /// HCL or JSON, old and new words, repeated rules of one path, and a leading `/` make no difference.
    ///
    /// A text that cannot be read is compared as text, the white space around it aside.
    #[must_use]
    pub fn same(a: &str, b: &str) -> bool {
        match (Self::parse(a), Self::parse(b)) {
            (Ok(a), Ok(b)) => a.meaning() == b.meaning(),
            _ => a.trim() == b.trim(),
        }
    }

    /// The rules, one per path and expiration, each reduced to what it does.
    fn meaning(&self) -> BTreeMap<(String, Option<i64>), PathRule> {
        let mut rules: BTreeMap<_, PathRule> = BTreeMap::new();
        for rule in &self.paths {
            let key = (rule.path.clone(), rule.expiration);
            match rules.get_mut(&key) {
                Some(present) => present.merge(rule),
                None => drop(rules.insert(key, rule.clone())),
            }
        }
        for rule in rules.values_mut() {
            rule.settle();
            reduce(rule);
        }
        rules
    }
}

fn reduce(rule: &mut PathRule) {
    rule.comment = None;
    if rule.denies() {
        // A deny keeps only its control group, which plays no part in a refused request.
        *rule =
            PathRule { expiration: rule.expiration, ..PathRule::new(rule.path.as_str(), rule.capabilities) };
    }
    reduce_parameters(&mut rule.allowed_parameters);
    reduce_parameters(&mut rule.denied_parameters);
    let required: BTreeSet<String> =
        rule.required_parameters.iter().map(|name| crate::lower_case(name)).collect();
    rule.required_parameters = required.into_iter().collect();
    rule.mfa_methods.sort();
    rule.mfa_methods.dedup();
}

fn reduce_parameters(parameters: &mut Option<Parameters>) {
    let Some(map) = parameters.take().filter(|map| !map.is_empty()) else { return };
    let sorted =
        |values: Vec<ParameterValue>| values.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    *parameters = Some(map.into_iter().map(|(name, values)| (name, sorted(values))).collect());
}
