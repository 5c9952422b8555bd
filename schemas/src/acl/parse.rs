//! Text to policy.
//!
//! The order of the checks is OpenBao's, so that the first mistake found is the one it would report.

use std::time::Duration;

use super::control_group;
use super::decode::{self, Decoded, Mismatch};
use super::error::{Findings, nearest, peer_list};
use super::hcl1::{self, Item, LiteralKind, Node, Object, Span};
use super::rule::Parameters;
use super::{
    AclPolicy, Capabilities, Capability, FilterPath, PathRule, PatternKind, PolicyError, template, timestamp,
};

const PREFIX: &str = "failed to parse policy: ";

/// Segments of all patterns with `+` in a policy.
const MOST_SEGMENTS: usize = 20_000;

/// The attributes of a rule.
pub(super) const RULE_KEYS: [&str; 13] = [
    "capabilities",
    "policy",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "comment",
    "expiration",
    "pagination_limit",
    "list_scan_response_keys_filter_path",
    "control_group",
];

impl AclPolicy {
    /// Reads a policy, HCL or JSON (text that begins with `{`).
    ///
    /// # Errors
    /// Every mistake in the text; of a text that is not even HCL or JSON, the first.
    pub fn parse(source: &str) -> Result<Self, PolicyError> {
        let root = hcl1::parse(source).map_err(|error| PolicyError::syntax(error, PREFIX))?;
        let mut reader = Reader { findings: Findings::new(source) };
        let policy = reader.policy(&root);
        reader.findings.into_result(PREFIX)?;
        Ok(policy)
    }
}

pub(super) struct Reader<'a> {
    findings: Findings<'a>,
}

impl Reader<'_> {
    fn policy(&mut self, root: &Object) -> AclPolicy {
        self.check_keys(root, &["path", "name"], "");
        let mut name = None;
        for item in root.named("name") {
            name = self.take(item, "", decode::string(item)).or(name);
        }
        let paths: Vec<PathRule> = root.named("path").filter_map(|item| self.rule(item)).collect();
        self.require_bounded(&paths);
        AclPolicy { name, paths }
    }

    /// Each segment of a pattern costs much more memory than it is long.
    fn require_bounded(&mut self, paths: &[PathRule]) {
        let patterns =
            paths.iter().filter(|rule| matches!(rule.pattern().kind, PatternKind::Segments { .. }));
        let segments: usize = patterns.map(|rule| rule.path.split('/').count()).sum();
        if segments > MOST_SEGMENTS {
            let message =
                format!("the paths with `+` have {segments} segments, and {MOST_SEGMENTS} are the most");
            let hint = Some("let several policies share them".to_owned());
            self.add(Span { start: 0, end: 0 }, message.clone(), hint, message);
        }
    }

    /// Records a value that does not fit; `context` goes before OpenBao's words.
    pub(super) fn take<T>(&mut self, item: &Item, context: &str, decoded: Decoded<T>) -> Option<T> {
        match decoded {
            Ok(value) => Some(value),
            Err(Mismatch { message, peer_text }) => {
                self.add(item.value.span(), message, None, format!("{context}{peer_text}"));
                None
            }
        }
    }

    pub(super) fn add(&mut self, span: Span, message: String, hint: Option<String>, peer_text: String) {
        self.findings.add(span, message, hint, peer_text);
    }

    /// Reports keys that are not in `known`. OpenBao reports those of one object together.
    pub(super) fn check_keys(&mut self, object: &Object, known: &[&str], context: &str) {
        let unknown: Vec<&Item> = object.items.iter().filter(|item| !known.contains(&item.name())).collect();
        let line = |item: &&Item| format!("invalid key {:?} on line {}", item.name(), item.assign_line);
        let mut peer_text = format!("{context}{}", peer_list(&unknown.iter().map(line).collect::<Vec<_>>()));
        for item in unknown {
            if self.findings.is_full() {
                return;
            }
            let name = item.name();
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            // Only the words for the first mistake are told, and they are about all of them.
            let peer_text = std::mem::take(&mut peer_text);
            self.add(item.span(), format!("unknown key `{name}`"), Some(hint), peer_text);
        }
    }

    fn rule(&mut self, item: &Item) -> Option<PathRule> {
        let key = item.keys.get(1).map_or("path", |label| &label.text);
        let context = format!("path {key:?}: ");
        if template::check(key).is_err() {
            let text =
                format!("{context}failed to validate policy templating: unbalanced templating characters");
            let message = format!("unbalanced `{{{{` and `}}}}` in path `{key}`");
            self.add(label_span(item), message, None, text);
        }
        let Node::Object(object, span) = &item.value else {
            let text = format!("{context}cannot check HCL keys of type {}", item.value.peer_type());
            let message = format!("the rule of path `{key}` must be a block");
            self.add(item.value.span(), message, None, text);
            return None;
        };
        self.check_keys(object, &RULE_KEYS, &context);
        let mut rule = PathRule::new(key.strip_prefix('/').unwrap_or(key), Capabilities::NONE);
        rule.control_group = control_group::read(self, object, &context);
        let raw = self.raw_rule(object, &context);
        self.finish(&mut rule, raw, label_span(item), *span, &context);
        Some(rule)
    }

    /// Decodes the attributes in OpenBao's order; a repeated one adds to a list, else replaces.
    fn raw_rule<'o>(&mut self, object: &'o Object, context: &str) -> RawRule<'o> {
        let twice = format!("{context}{context}");
        let mut raw = RawRule::default();
        for item in object.named("policy") {
            raw.policy = self.take(item, &twice, decode::string(item)).map(|word| (word, item));
        }
        raw.capabilities = self.list(object, "capabilities", &twice);
        for item in object.named("expiration") {
            raw.expiration = self.take(item, &twice, decode::string(item)).map(|text| (text, item));
        }
        raw.min_wrapping_ttl = self.last_number(object, "min_wrapping_ttl", &twice);
        raw.max_wrapping_ttl = self.last_number(object, "max_wrapping_ttl", &twice);
        raw.allowed = self.parameters(object, "allowed_parameters", &twice);
        raw.denied = self.parameters(object, "denied_parameters", &twice);
        raw.required =
            self.list(object, "required_parameters", &twice).into_iter().map(|(word, _)| word).collect();
        raw.mfa_methods =
            self.list(object, "mfa_methods", &twice).into_iter().map(|(word, _)| word).collect();
        for item in object.named("pagination_limit") {
            raw.pagination_limit = self.take(item, &twice, decode::integer(item));
        }
        for item in object.named("list_scan_response_keys_filter_path") {
            raw.filter_path = self.take(item, &twice, decode::string(item)).map(|text| (text, item));
        }
        raw.comment = object.named("comment").filter_map(|item| decode::string(item).ok()).last();
        raw
    }

    /// The last attribute `key`, unless it is a number that cannot be read: OpenBao reports that early.
    fn last_number<'o>(&mut self, object: &'o Object, key: &'o str, context: &str) -> Option<&'o Item> {
        let item = object.named(key).last()?;
        let number = matches!(&item.value, Node::Literal(literal) if literal.kind == LiteralKind::Number);
        if number {
            self.take(item, context, decode::integer(item))?;
        }
        Some(item)
    }

    fn list<'o>(&mut self, object: &'o Object, key: &'o str, context: &str) -> Vec<(String, &'o Item)> {
        let mut all = Vec::new();
        for item in object.named(key) {
            let words = self.take(item, context, decode::strings(item)).unwrap_or_default();
            all.extend(words.into_iter().map(|word| (word, item)));
        }
        all
    }

    /// Names are compared without case; of two that differ in case alone the later one counts.
    fn parameters(&mut self, object: &Object, key: &str, context: &str) -> Option<Parameters> {
        let mut raw = None;
        for item in object.named(key) {
            let raw = raw.get_or_insert_with(Parameters::new);
            self.take(item, context, decode::parameters(item, raw));
        }
        raw.map(|raw: Parameters| {
            raw.into_iter().rev().map(|(name, values)| (crate::lower_case(&name), values)).collect()
        })
    }

    /// The checks that come after decoding. A deny ends them: nothing else of the rule counts then.
    fn finish(&mut self, rule: &mut PathRule, raw: RawRule<'_>, label: Span, body: Span, context: &str) {
        if let Some((text, item)) = &raw.expiration {
            rule.expiration = self.expiration(text, item, context);
        }
        if rule.path.contains("+*") {
            let path = &rule.path;
            let text = format!("{context}path {path:?}: invalid use of wildcards ('+*' is forbidden)");
            let hint = Some("a segment is `+`, a beginning ends in `*`; the two do not join".to_owned());
            self.add(label, format!("`+*` in path `{path}`"), hint, text);
        }
        rule.comment = raw.comment;
        rule.capabilities = self.capabilities(raw.policy.as_ref(), &raw.capabilities, context);
        if rule.denies() {
            return;
        }
        rule.allowed_parameters = raw.allowed;
        rule.denied_parameters = raw.denied;
        rule.required_parameters = raw.required;
        rule.mfa_methods = raw.mfa_methods;
        rule.pagination_limit = raw.pagination_limit.filter(|limit| *limit > 0);
        self.wrapping(rule, raw.min_wrapping_ttl, raw.max_wrapping_ttl, body, context);
        if let Some((text, item)) = raw.filter_path.filter(|(text, _)| !text.is_empty()) {
            rule.list_scan_response_keys_filter_path = self.filter_path(rule, &text, item, context);
        }
    }

    fn expiration(&mut self, text: &str, item: &Item, context: &str) -> Option<i64> {
        if text.is_empty() {
            return None;
        }
        let seconds = timestamp::parse(text);
        if seconds.is_none() {
            let peer = "invalid expiration time: could not parse string as date and time";
            let hint = Some("write it as 2030-12-31T23:59:59Z, or in seconds since 1970".to_owned());
            let message = format!("`expiration` is not a time: `{text}`");
            self.add(item.value.span(), message, hint, format!("{context}{context}{peer}"));
        }
        seconds
    }

    fn capabilities(
        &mut self,
        policy: Option<&(String, &Item)>,
        words: &[(String, &Item)],
        context: &str,
    ) -> Capabilities {
        let mut set = Capabilities::NONE;
        let mut more: &[Capability] = &[];
        if let Some((word, item)) = policy.filter(|(word, _)| !word.is_empty()) {
            more = self.old_policy(word, item, context);
        }
        let deny = [Capability::Deny].into_iter().collect();
        if more == [Capability::Deny] {
            return deny;
        }
        for (word, item) in words {
            match word.parse() {
                Ok(Capability::Deny) => return deny,
                Ok(capability) => set.insert(capability),
                Err(()) => self.unknown_capability(word, item, context),
            }
        }
        set.union(more.iter().copied().collect())
    }

    fn old_policy(&mut self, word: &str, item: &Item, context: &str) -> &'static [Capability] {
        use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
        match word {
            "deny" => &[Deny],
            "read" => &[Read, List],
            "write" => &[Create, Read, Update, Delete, List],
            "sudo" => &[Create, Read, Update, Delete, List, Sudo],
            _ => {
                let text = format!("{context}{context}invalid policy {word:?}");
                let hint = Some("one of deny, read, write, sudo; better name `capabilities`".to_owned());
                self.add(item.value.span(), format!("unknown policy `{word}`"), hint, text);
                &[]
            }
        }
    }

    fn unknown_capability(&mut self, word: &str, item: &Item, context: &str) {
        if self.findings.is_full() {
            return;
        }
        let names = Capability::ALL.map(Capability::name);
        let hint = match (nearest(word, names), word) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, "write") => "write is `create` and `update`".to_owned(),
            (None, _) => format!("one of {}", names.join(", ")),
        };
        let text = format!("{context}{context}invalid capability {word:?}");
        self.add(element_span(item, word), format!("unknown capability `{word}`"), Some(hint), text);
    }

    fn wrapping(
        &mut self,
        rule: &mut PathRule,
        min: Option<&Item>,
        max: Option<&Item>,
        body: Span,
        context: &str,
    ) {
        let mut read = |item: Option<&Item>| {
            let item = item?;
            let context = format!("{context}error parsing {}: ", item.name());
            self.take(item, &context, decode::duration(item))
        };
        let (min, max) = (read(min).unwrap_or(0), read(max).unwrap_or(0));
        if min != 0 && max != 0 && max < min {
            let message = "`max_wrapping_ttl` is less than `min_wrapping_ttl`".to_owned();
            let text = format!("{context}max_wrapping_ttl cannot be less than min_wrapping_ttl");
            self.add(body, message, None, text);
        }
        rule.min_wrapping_ttl = positive(min);
        rule.max_wrapping_ttl = positive(max);
    }

    fn filter_path(&mut self, rule: &PathRule, text: &str, item: &Item, context: &str) -> Option<FilterPath> {
        let parsed = if rule.capabilities.contains(Capability::List) {
            FilterPath::parse(text)
        } else {
            let key = "list_scan_response_keys_filter_path";
            Err(format!("{key} needs to be used on a path with the list capability"))
        };
        parsed.map_err(|why| self.add(item.value.span(), why.clone(), None, format!("{context}{why}"))).ok()
    }
}

/// The attributes of a rule as decoded, before they are checked against one another.
#[derive(Default)]
struct RawRule<'o> {
    policy: Option<(String, &'o Item)>,
    capabilities: Vec<(String, &'o Item)>,
    expiration: Option<(String, &'o Item)>,
    min_wrapping_ttl: Option<&'o Item>,
    max_wrapping_ttl: Option<&'o Item>,
    allowed: Option<Parameters>,
    denied: Option<Parameters>,
    required: Vec<String>,
    mfa_methods: Vec<String>,
    pagination_limit: Option<i64>,
    filter_path: Option<(String, &'o Item)>,
    comment: Option<String>,
}

/// Durations that are not positive have no effect; those that are too long are as long as can be.
pub(super) fn positive(nanoseconds: i128) -> Option<Duration> {
    let nanoseconds = u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX);
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn label_span(item: &Item) -> Span {
    item.keys.get(1).map_or_else(|| item.span(), |label| label.span)
}

/// Where the element `word` stands in the list of an item.
fn element_span(item: &Item, word: &str) -> Span {
    let Node::List { items, span, .. } = &item.value else { return item.value.span() };
    let element = items.iter().find(|node| matches!(node, Node::Literal(literal) if literal.text == word));
    element.map_or(*span, Node::span)
}
