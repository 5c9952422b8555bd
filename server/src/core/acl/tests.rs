//! The matcher against a slow one written straight from the rules, and laws it must keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use schemas::acl::{AclPolicy, Capabilities, Capability, PathRule, Substitutions};
use serde_json::{Map, json};

use super::*;

const CAPABILITIES: [Capability; 5] =
    [Capability::Read, Capability::Update, Capability::List, Capability::Scan, Capability::Deny];

fn namespace(path: &str) -> PolicyNamespace {
    PolicyNamespace { id: format!("id of {path}"), path: path.to_owned() }
}

fn policy(name: &str, rules: Vec<PathRule>) -> Arc<ParsedPolicy> {
    let policy = AclPolicy { name: None, paths: rules };
    Arc::new(ParsedPolicy::new(name, namespace(""), policy))
}

fn text_policy(name: &str, space: &str, text: &str) -> Arc<ParsedPolicy> {
    Arc::new(ParsedPolicy::parse(name, namespace(space), text).expect("valid"))
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![3 => "[ab]", 2 => Just("+".to_owned()), 1 => "ab|", 1 => Just("+a".to_owned())];
    (vec(segment, 1..4), any::<bool>()).prop_map(|(segments, star)| {
        let path = segments.join("/");
        if star && !path.ends_with('+') { format!("{path}*") } else { path }
    })
}

fn path() -> impl Strategy<Value = String> {
    vec(prop_oneof![4 => "[ab]", 2 => "ab|", 1 => Just("+a".to_owned())], 1..5)
        .prop_map(|segments| segments.join("/"))
}

fn rule() -> impl Strategy<Value = PathRule> {
    let capabilities = vec(prop::sample::select(&CAPABILITIES[..]), 0..4);
    (pattern(), capabilities).prop_map(|(path, words)| {
        let deny = words.contains(&Capability::Deny);
        let words = words.into_iter().filter(|word| !deny || *word == Capability::Deny);
        PathRule::new(path, words.collect())
    })
}

fn policies() -> impl Strategy<Value = Vec<Vec<PathRule>>> {
    vec(vec(rule(), 0..8), 1..4)
}

fn compiled(policies: &[Vec<PathRule>]) -> Acl {
    let named = policies.iter().enumerate().map(|(index, rules)| policy(&format!("p{index}"), rules.clone()));
    Acl::compile(&named.collect::<Vec<_>>(), 0)
}

#[test]
fn patterns_may_be_deep_and_many_values_are_merged_once() {
    let deep = |segments: usize| format!("{}x", "+/".repeat(segments));
    let rules = |path: String| vec![PathRule::new(path, [Capability::Read].into_iter().collect())];
    let acl = compiled(&[rules(deep(500_000)), rules(format!("{}*", deep(400_000)))]);
    let path = |segments: usize| format!("{}x", "a/".repeat(segments));
    assert!(allowed(&acl, Operation::Read, &path(500_000)));
    assert!(!allowed(&acl, Operation::Read, &path(499_999)));
    assert!(allowed(&acl, Operation::Read, &path(400_000)));

    let many = |from: usize| {
        let values =
            (from..from + 50_000).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join(",");
        format!(
            "path \"a\" {{ required_parameters = [{values}] allowed_parameters = {{ \"p\" = [{values}] }} }}"
        )
    };
    let texts = [many(0), many(25_000), many(50_000)];
    let policies: Vec<_> =
        texts.iter().enumerate().map(|(index, text)| text_policy(&format!("p{index}"), "", text)).collect();
    let acl = Acl::compile(&policies, 0);
    let rule = &acl.rule("a", false).expect("a rule").rule;
    assert_eq!(rule.required_parameters.len(), 100_000);
    assert_eq!(rule.allowed_parameters.as_ref().map(|map| map["p"].len()), Some(100_000));
    assert!((4_000_000..20_000_000).contains(&acl.size()), "{}", acl.size());
}

fn allowed(acl: &Acl, operation: Operation, path: &str) -> bool {
    acl.check(&AclRequest { operation, namespace: "", path, parameters: None, wrap_ttl: None }).allowed
}

const OPERATIONS: [Operation; 4] = [Operation::Read, Operation::Update, Operation::List, Operation::Scan];

// The slow matcher.

fn union_by_pattern(policies: &[Vec<PathRule>]) -> BTreeMap<String, Capabilities> {
    let mut all: BTreeMap<String, Capabilities> = BTreeMap::new();
    for rule in policies.iter().flatten() {
        let set = all.entry(rule.path.clone()).or_default();
        *set = set.union(rule.capabilities);
    }
    all
}

fn segment_matches(pattern: &str, path: &str) -> bool {
    let (text, star) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
    let (parts, segments): (Vec<&str>, Vec<&str>) = (text.split('/').collect(), path.split('/').collect());
    if parts.len() > segments.len() || (!star && parts.len() != segments.len()) {
        return false;
    }
    parts.iter().enumerate().all(|(index, part)| {
        let begun = star && index + 1 == parts.len() && segments[index].starts_with(part);
        *part == "+" || *part == segments[index] || begun
    })
}

fn has_segments(pattern: &str) -> bool {
    pattern == "+" || pattern.starts_with("+/") || pattern.contains("/+")
}

fn wildcard_matches(pattern: &str, path: &str) -> bool {
    match (has_segments(pattern), pattern.strip_suffix('*')) {
        (true, _) => segment_matches(pattern, path),
        (false, Some(prefix)) => path.starts_with(prefix),
        (false, None) => false,
    }
}

/// Whether `a` gives way to `b`.
fn weaker(a: &str, b: &str) -> bool {
    let plain = |pattern: &str| pattern.trim_end_matches('*').to_owned();
    let first = |pattern: &str| match has_segments(pattern) {
        true => pattern.find('+').expect("a plus"),
        false => plain(pattern).len(),
    };
    let pluses = |pattern: &str| {
        if has_segments(pattern) { plain(pattern).split('/').filter(|part| *part == "+").count() } else { 0 }
    };
    if first(a) != first(b) {
        return first(a) < first(b);
    }
    if a.ends_with('*') != b.ends_with('*') {
        return a.ends_with('*');
    }
    if pluses(a) != pluses(b) {
        return pluses(a) > pluses(b);
    }
    if plain(a).len() != plain(b).len() {
        return plain(a).len() < plain(b).len();
    }
    plain(a) < plain(b)
}

fn best_wildcard<'a>(rules: &'a BTreeMap<String, Capabilities>, path: &str) -> Option<&'a Capabilities> {
    let mut best: Option<&String> = None;
    for pattern in rules.keys().filter(|pattern| wildcard_matches(pattern, path)) {
        if best.is_none_or(|best| weaker(best, pattern)) {
            best = Some(pattern);
        }
    }
    best.map(|best| &rules[best])
}

fn slow(policies: &[Vec<PathRule>], operation: Operation, path: &str) -> bool {
    let rules = union_by_pattern(policies);
    let path = path.trim_start_matches('/');
    let list = matches!(operation, Operation::List | Operation::Scan);
    let bare = path.strip_suffix('/').unwrap_or(path);
    let exact = |path: &str| rules.get(path).filter(|_| !has_segments(path) && !path.ends_with('*'));
    let mut found = exact(path);
    if list {
        found = found.or_else(|| exact(bare));
    }
    found = found.or_else(|| best_wildcard(&rules, path));
    if list {
        found = found.or_else(|| best_wildcard(&rules, bare));
    }
    let needed = operation.capability().expect("not help");
    found.is_some_and(|set| set.contains(needed) && !set.contains(Capability::Deny))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_the_slow_matcher(policies in policies(), paths in vec(path(), 12)) {
        let acl = compiled(&policies);
        for path in &paths {
            for operation in OPERATIONS {
                prop_assert_eq!(allowed(&acl, operation, path), slow(&policies, operation, path), "{} {:?}", path, operation);
            }
        }
    }

    #[test]
    fn a_deny_never_widens(policies in policies(), denied in pattern(), paths in vec(path(), 12)) {
        let mut more = policies.clone();
        more.push(vec![PathRule::new(denied, [Capability::Deny].into_iter().collect())]);
        let (before, after) = (compiled(&policies), compiled(&more));
        for path in &paths {
            for operation in OPERATIONS {
                prop_assert!(allowed(&before, operation, path) || !allowed(&after, operation, path), "{}", path);
            }
        }
    }

    #[test]
    fn a_deny_holds_whatever_its_template_is_filled_with(
        value in "[ab/+*é{}]{0,3}", before in "[ab]{0,2}", after in "(/?[ab]{1,2})?", star in any::<bool>(), slashes in any::<bool>(),
    ) {
        let text = |name: &str| format!("kv/{before}{name}{after}{}", if star { "*" } else { "" });
        let denied = PathRule::new(text("{{identity.entity.name}}"), [Capability::Deny].into_iter().collect());
        let all = PathRule::new("kv/*", [Capability::Read].into_iter().collect());
        prop_assume!(!denied.path.contains("+*"));
        let mut rules = ParsedPolicy::new("p", namespace(""), AclPolicy { name: None, paths: vec![all, denied] });
        rules.substitutions = Substitutions { slashes, wildcards: false };
        let rules = rules.render_templates(&|_| Some(value.clone()));
        let acl = Acl::compile(&[Arc::new(rules)], 0);
        let path = format!("kv/{before}{value}{after}");
        prop_assert!(!allowed(&acl, Operation::Read, &path), "{}", path);
    }

    #[test]
    fn an_allow_does_not_lift_a_deny_of_its_path(policies in policies(), pattern in pattern(), paths in vec(path(), 12)) {
        let mut denied = policies.clone();
        denied.push(vec![PathRule::new(pattern.clone(), [Capability::Deny].into_iter().collect())]);
        let mut both = denied.clone();
        both.push(vec![PathRule::new(pattern, CAPABILITIES[..4].iter().copied().collect())]);
        let (denied, both) = (compiled(&denied), compiled(&both));
        for path in &paths {
            for operation in OPERATIONS {
                prop_assert_eq!(allowed(&denied, operation, path), allowed(&both, operation, path), "{}", path);
            }
        }
    }

    #[test]
    fn capabilities_agree_with_check(policies in policies(), paths in vec(path(), 12)) {
        let acl = compiled(&policies);
        for path in &paths {
            let words = acl.capabilities("", path);
            for operation in OPERATIONS {
                let list = matches!(operation, Operation::List | Operation::Scan);
                if list || !path.ends_with('/') {
                    let word = operation.capability().expect("not help").name();
                    prop_assert_eq!(words.contains(&word), allowed(&acl, operation, path), "{} {:?}", path, words);
                }
            }
        }
    }

    #[test]
    fn the_order_of_policies_does_not_matter(policies in policies(), paths in vec(path(), 12)) {
        let mut reversed = policies.clone();
        reversed.reverse();
        let (acl, reversed) = (compiled(&policies), compiled(&reversed));
        for path in &paths {
            prop_assert_eq!(acl.capabilities("", path), reversed.capabilities("", path), "{}", path);
        }
    }
}

/// Templates among patterns, of one entity's name.
fn templated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![3 => "[ab/]", 1 => Just("+".to_owned()), 2 => Just("{{identity.entity.name}}".to_owned())];
    (vec(piece, 0..4), any::<bool>())
        .prop_map(|(pieces, star)| format!("{}{}", pieces.concat(), if star { "*" } else { "" }))
}

/// The matcher of `policies` and of `rule`, for an entity of this name.
fn of_entity(policies: &[Vec<PathRule>], rule: &PathRule, name: &str, allowed: Substitutions) -> Acl {
    let mut all: Vec<_> = policies.iter().map(|rules| policy("p", rules.clone())).collect();
    let own = ParsedPolicy { substitutions: allowed, ..(*policy("own", vec![rule.clone()])).clone() };
    all.push(Arc::new(own.render_templates(&|_| Some(name.to_owned()))));
    Acl::compile(&all, 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // Whatever the rule is for, and whatever the value might have meant.
    #[test]
    fn a_forbidden_value_never_widens(
        policies in policies(), at in templated(), rule in rule(), name in "[ab]?[/*+][ab/*+]{0,2}", paths in vec(path(), 12)
    ) {
        let rule = PathRule { path: at, ..rule };
        let without = of_entity(&policies, &PathRule::new("other", Capabilities::default()), &name, Substitutions::default());
        let forbidden = of_entity(&policies, &rule, &name, Substitutions::default());
        let meant = of_entity(&policies, &rule, &name, Substitutions { slashes: true, wildcards: true });
        for path in &paths {
            for operation in OPERATIONS {
                if allowed(&forbidden, operation, path) {
                    prop_assert!(allowed(&meant, operation, path), "{:?} {}", operation, path);
                    prop_assert!(!schemas::acl::is_templated(&rule.path) || allowed(&without, operation, path), "{}", path);
                }
            }
        }
    }
}

#[test]
fn a_policy_speaks_only_of_its_namespace() {
    let everything = "path \"*\" { capabilities = [\"read\"] }\npath \"+/x\" { capabilities = [\"list\"] }";
    let acl = Acl::compile(&[text_policy("all", "a/", everything)], 0);
    assert_eq!(acl.capabilities("a/", "k/y"), ["read"]);
    assert_eq!(acl.capabilities("a/", "k/x"), ["list"]);
    assert_eq!(acl.capabilities("a/b/", "k/y"), ["read"]);
    for (space, path) in [("", "k/y"), ("", "a"), ("b/", "k/y"), ("ab/", "k/x")] {
        assert_eq!(acl.capabilities(space, path), ["deny"], "{space} {path}");
    }
}

#[test]
fn the_name_of_a_namespace_is_no_pattern() {
    let rules = "path \"*\" { capabilities = [\"read\"] }\npath \"+/x\" { capabilities = [\"list\"] }\n\
                 path \"y/+/z*\" { capabilities = [\"update\"] }";
    for name in ["+/", "a+b/", "a/+/", "+/+/", "a*/", "+*/"] {
        let acl = Acl::compile(&[text_policy("all", name, rules)], 0);
        assert_eq!(acl.capabilities(name, "k/y"), ["read"], "{name}");
        assert_eq!(acl.capabilities(name, "k/x"), ["list"], "{name}");
        assert_eq!(acl.capabilities(name, "y/q/z1"), ["update"], "{name}");
        assert!(acl.reaches_mount("", name) && acl.reaches_mount(name, "k/"), "{name}");
        for other in ["", "b/", "a/b/", "b/b/", "axb/", "ab/"] {
            for path in ["k/x", "k/y", "y/q/z1", "a/y/q/z1"] {
                assert_eq!(acl.capabilities(other, path), ["deny"], "{name} {other} {path}");
            }
            assert!(other.is_empty() || !acl.reaches_mount("", other), "{name} {other}");
        }
    }
    let two = [
        text_policy("a", "+/", "path \"+/x\" { policy = \"read\" }"),
        text_policy("b", "", "path \"+/+/x\" { policy = \"deny\" }"),
    ];
    assert_eq!(Acl::compile(&two, 0).capabilities("b/", "k/x"), ["deny"]);
}

#[test]
fn root_covers_its_namespace_and_below_and_must_be_alone() {
    let root = Arc::new(ParsedPolicy::root(namespace("a/")));
    let acl = Acl::compile(std::slice::from_ref(&root), 0);
    let request = |namespace| AclRequest {
        operation: Operation::Delete,
        namespace,
        path: "x",
        parameters: None,
        wrap_ttl: None,
    };
    assert!(acl.check(&request("a/")).root);
    assert!(acl.check(&request("a/b/")).allowed);
    assert_eq!(acl.check(&request("")).denied, Some(DeniedReason::OtherNamespace));
    assert_eq!(acl.check(&request("ab/")).denied, Some(DeniedReason::OtherNamespace));
    assert_eq!(acl.capabilities("a/", "x"), ["root"]);
    assert_eq!(acl.capabilities("", "x"), ["deny"]);
    let others = Acl::compile(&[root, text_policy("p", "a/", "path \"y\" { policy = \"read\" }")], 0);
    assert!(!others.is_root());
    assert!(!others.check(&request("a/")).allowed);
}

#[test]
fn templates_grant_nothing_until_rendered() {
    let policy = text_policy(
        "p",
        "",
        "path \"{{identity.entity.id}}/*\" { policy = \"read\" }\npath \"b\" { policy = \"read\" }",
    );
    let acl = Acl::compile(std::slice::from_ref(&policy), 0);
    assert_eq!(acl.capabilities("", "{{identity.entity.id}}/x"), ["deny"]);
    assert_eq!(acl.capabilities("", "b"), ["list", "read"]);
    let rendered = policy.render_templates(&|_| Some("e1".to_owned()));
    assert_eq!(Acl::compile(&[Arc::new(rendered)], 0).capabilities("", "e1/x"), ["list", "read"]);
}

#[test]
fn a_value_with_braces_is_text_and_its_rule_holds() {
    let text = "path \"*\" { policy = \"read\" }\npath \"{{identity.entity.name}}/*\" { policy = \"deny\" }";
    let policy = text_policy("p", "", text);
    for value in ["{{identity.entity.id}}", "{{}}", "}}", "{{", "{{a}}{{b}}"] {
        let once = policy.render_templates(&|_| Some(value.to_owned()));
        assert!(!once.is_templated(), "{value}");
        let twice = once.render_templates(&|_| Some("other".to_owned()));
        for rendered in [once, twice] {
            let acl = Acl::compile(&[Arc::new(rendered)], 0);
            assert_eq!(acl.capabilities("", &format!("{value}/x")), ["deny"], "{value}");
            assert_eq!(acl.capabilities("", "other/x"), ["list", "read"], "{value}");
        }
    }
}

#[test]
fn a_forbidden_value_closes_what_its_rule_would_speak_of_and_no_more() {
    let text = "path \"kv/d/{{identity.entity.name}}/x\" { policy = \"deny\" }\npath \"kv/*\" { policy = \"read\" }\n\
                path \"kv/d/a/x\" { policy = \"write\" }\npath \"+/e\" { policy = \"read\" }";
    for space in ["", "team/"] {
        let policy = text_policy("p", space, text);
        let acl = Acl::compile(&[Arc::new(policy.render_templates(&|_| Some("a/b".to_owned())))], 0);
        for closed in ["kv/d/a/b/x", "kv/d/a/b/x/y"] {
            assert_eq!(acl.capabilities(space, closed), ["deny"], "{space}{closed}");
        }
        for open in ["kv/a", "kv/d/", "kv/d/a/b", "kv/d/a/b/c", "kv/e"] {
            assert_eq!(acl.capabilities(space, open), ["list", "read"], "{space}{open}");
        }
        assert!(acl.reaches_mount(space, "kv/") && !acl.reaches_mount(space, "kv/d/a/b/x/"), "{space}");
        let request = AclRequest {
            operation: Operation::Read,
            namespace: space,
            path: "kv/d/a/b/x",
            parameters: None,
            wrap_ttl: None,
        };
        assert_eq!(acl.check(&request).denied, Some(DeniedReason::ForbiddenValue), "{space}");
        let shown = acl.shown();
        assert_eq!(
            shown["glob_paths"][format!("{space}kv/d/a/b/x")],
            json!({"capabilities": ["deny"]}),
            "{space}"
        );
        assert_eq!(
            shown["exact_paths"][format!("{space}kv/d/a/x")]["capabilities"].as_array().map(Vec::len),
            Some(5)
        );
    }
    let many = "path \"a/b/{{identity.entity.name}}\" {}\npath \"a/{{identity.entity.name}}/x\" {}\npath \"a/b\" { policy = \"read\" }\n\
                path \"c/{{identity.entity.name}}\" {}\npath \"*\" { policy = \"read\" }";
    let acl =
        Acl::compile(&[Arc::new(text_policy("p", "", many).render_templates(&|_| Some("+".to_owned())))], 0);
    let denied = |path: &str| acl.capabilities("", path) == ["deny"];
    assert_eq!(
        ["a/b", "a/c", "a/", "b", "c/b/d", "c", "cc"].map(denied),
        [true, true, true, false, true, false, false]
    );
    let ended = "path \"kv/{{identity.entity.name}}\" {\n policy = \"read\"\n expiration = 100\n}\npath \"kv/a\" { policy = \"read\" }";
    let policy = Arc::new(text_policy("p", "", ended).render_templates(&|_| Some("*".to_owned())));
    let at = |second: i64| Acl::compile(std::slice::from_ref(&policy), second * 1_000_000);
    assert_eq!((at(50).capabilities("", "kv/a"), at(50).ends_at()), (vec!["deny"], Some(100_000_000)));
    assert_eq!((at(101).capabilities("", "kv/a"), at(101).ends_at()), (vec!["list", "read"], None));
}

#[test]
fn rules_end() {
    let text = "path \"a\" {\n policy = \"read\"\n expiration = 200\n}\npath \"b\" {\n policy = \"read\"\n expiration = 100\n}";
    let policy = text_policy("p", "", text);
    let at = |second: i64| Acl::compile(std::slice::from_ref(&policy), second * 1_000_000);
    assert_eq!(at(50).ends_at(), Some(100_000_000));
    assert_eq!(at(100).capabilities("", "b"), ["list", "read"]);
    let at_microsecond = |now| Acl::compile(std::slice::from_ref(&policy), now);
    assert_eq!(at_microsecond(100_000_001).capabilities("", "b"), ["deny"]);
    assert_eq!(at(101).ends_at(), Some(200_000_000));
    assert_eq!(at(201).ends_at(), None);
    let text = "path \"a\" {\n policy = \"read\"\n expiration = \"1970-01-01T00:01:40.5Z\"\n}";
    let policy = text_policy("p", "", text);
    let at = |now| Acl::compile(std::slice::from_ref(&policy), now).capabilities("", "a");
    assert_eq!((at(100_400_000), at(100_500_001)), (vec!["list", "read"], vec!["deny"]));
}

#[test]
fn help_is_always_allowed() {
    assert!(allowed(&Acl::compile(&[], 0), Operation::Help, "anything"));
}

#[test]
fn a_decision_names_who_granted_and_what_to_do() {
    let one = "path \"k/*\" {\n capabilities = [\"list\", \"sudo\"]\n pagination_limit = 7\n \
               list_scan_response_keys_filter_path = \"{{ .path }}{{ .key }}\"\n}";
    let two = "path \"k/*\" { capabilities = [\"read\", \"list\"] }";
    let acl = Acl::compile(&[text_policy("one", "", one), text_policy("two", "", two)], 0);
    let decide = |operation, limit: Option<&str>| {
        let data: Map<_, _> = limit.into_iter().map(|limit| ("limit".to_owned(), json!(limit))).collect();
        let request =
            AclRequest { operation, namespace: "", path: "k/", parameters: Some(&data), wrap_ttl: None };
        let decision = acl.check(&request);
        let names: Vec<String> = decision.granting_policies().map(|policy| policy.name.clone()).collect();
        let filter = decision.filter_path.and_then(|filter| filter.render("k/", "x"));
        (decision.allowed, decision.sudo, decision.limit, names.join(" "), filter)
    };
    let filter = Some("k/x".to_owned());
    assert_eq!(decide(Operation::List, None), (true, true, Some(7), "one two".to_owned(), filter.clone()));
    assert_eq!(
        decide(Operation::List, Some("max")),
        (true, true, Some(7), "one two".to_owned(), filter.clone())
    );
    assert_eq!(
        decide(Operation::List, Some("")),
        (true, true, Some(7), "one two".to_owned(), filter.clone())
    );
    assert_eq!(decide(Operation::List, Some("3")), (true, true, None, "one two".to_owned(), filter));
    assert_eq!(decide(Operation::List, Some("8")), (false, true, None, String::new(), None));
    assert_eq!(decide(Operation::Read, None), (true, true, None, "two".to_owned(), None));
    assert_eq!(decide(Operation::Delete, None), (false, true, None, String::new(), None));
}

#[test]
fn a_mount_is_reached_by_what_is_granted_below_it() {
    let reaches = |path: &str, capability: &str, mount: &str| {
        let text = format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}");
        Acl::compile(&[text_policy("p", "", &text)], 0).reaches_mount("", mount)
    };
    for path in ["kv/data/a", "kv/*", "k*", "*", "+/a", "kv/+/a", "+/+/a*", "kv/a*"] {
        assert!(reaches(path, "read", "kv/"), "{path}");
        assert!(!reaches(path, "deny", "kv/"), "{path}");
    }
    for path in ["kv2/a", "k", "other/*", "other/+/a", "kv2*"] {
        assert!(!reaches(path, "read", "kv/"), "{path}");
    }
}

#[test]
fn builtin_policies_can_be_read() {
    let default = text_policy("default", "", builtin::DEFAULT);
    assert!(default.is_templated());
    let acl = Acl::compile(&[default, text_policy("w", "", builtin::RESPONSE_WRAPPING)], 0);
    assert_eq!(acl.capabilities("", "auth/token/lookup-self"), ["read"]);
    assert_eq!(acl.capabilities("", "cubbyhole/response"), ["create", "read"]);
    assert_eq!(acl.capabilities("", "identity/oidc/provider/p/authorize"), ["read", "update"]);
}
