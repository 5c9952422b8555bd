use std::collections::BTreeMap;

use crate::acl::{Capability, DocumentRule, document_id, render_policy_document};
use crate::behavior::follow_table;
use crate::codec::absent;
use crate::kind::fields;
use crate::shape::{Declared, List, NestedList};
use crate::{Answer, Behavior, Diagnostic, Field, Kind, Operation, Record, Step, Value};

/// The text of an ACL policy, made of rules. It asks nothing of the server.
#[derive(schemas::Kind)]
#[kind(name = "policy_document", class = Data, behavior = Rendering)]
pub struct PolicyDocument {
    /// A rule: a path and what may be done there.
    pub rule: NestedList<Rule>,
    /// The text.
    #[kind(output)]
    pub hcl: Option<String>,
}

/// A rule of a policy.
#[derive(schemas::Fields)]
pub struct Rule {
    /// The path; `+` stands for one segment, `*` at the end for anything.
    pub path: String,
    /// What may be done there: `create`, `read`, `update`, `delete`, `list`, `sudo`, `deny`, `patch`, `scan`, ….
    pub capabilities: List<String>,
    /// A comment above the rule.
    pub description: Option<String>,
    /// Parameters that a request must have.
    pub required_parameters: Option<List<String>>,
    /// Parameters that a request may have.
    pub allowed_parameter: NestedList<Parameter>,
    /// Parameters that a request must not have.
    pub denied_parameter: NestedList<Parameter>,
    /// Shortest lifetime of a wrapped answer.
    pub min_wrapping_ttl: Option<String>,
    /// Longest lifetime of a wrapped answer.
    pub max_wrapping_ttl: Option<String>,
    /// Events that may be subscribed to, in HashiCorp Vault.
    pub subscribe_event_types: Option<List<String>>,
}

/// A parameter and the values that it may or must not have.
#[derive(schemas::Fields)]
pub struct Parameter {
    /// Its name; `*` stands for all others.
    pub key: String,
    /// The values. Empty: any.
    pub value: List<String>,
}

/// Words of HashiCorp Vault that OpenBao does not have.
const FOREIGN_CAPABILITIES: [&str; 2] = ["recover", "subscribe"];

struct Rendering;

impl Behavior for Rendering {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match operation {
            Operation::Read { prior } => Step::Done(rendered(prior)),
            _ => follow_table(kind, operation, answers),
        }
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        let rules = config.get("rule").as_list().unwrap_or_default().iter().enumerate();
        rules.flat_map(|(index, rule)| check_capabilities(index, rule)).collect()
    }
}

fn check_capabilities(index: usize, rule: &Value) -> Vec<Diagnostic> {
    let words = rule.at("capabilities").as_list().unwrap_or_default().iter().filter_map(Value::as_str);
    let is_known = |word: &str| word.parse::<Capability>().is_ok() || FOREIGN_CAPABILITIES.contains(&word);
    let unknown = words.filter(|word| !is_known(word));
    let known = Capability::ALL.map(Capability::name).join("`, `");
    unknown
        .map(|word| {
            Diagnostic::error(format!("`{word}` is no capability"))
                .hint(format!("the capabilities are `{known}`"))
                .at_field(format!("rule[{index}].capabilities"))
        })
        .collect()
}

fn rendered(config: &Record) -> Record {
    let rules: Vec<_> = config.get("rule").as_list().unwrap_or_default().iter().map(completed).collect();
    let hcl = render_policy_document(&rules.iter().map(document_rule).collect::<Vec<_>>());
    let id = document_id(&hcl);
    config.clone().with("rule", Value::List(rules)).with("hcl", hcl).with("id", id)
}

/// The rule with an empty value for what it leaves out, as states show it.
fn completed(rule: &Value) -> Value {
    let entry = |field: &Field| {
        let value = rule.at(field.name);
        (field.name.to_owned(), if value.is_null() { absent(field) } else { value.clone() })
    };
    Value::Map(fields(Rule::PARTS).map(entry).collect())
}

fn document_rule(rule: &Value) -> DocumentRule {
    let text = |name: &str| rule.at(name).as_str().unwrap_or_default().to_owned();
    DocumentRule {
        path: text("path"),
        description: text("description"),
        capabilities: texts(rule.at("capabilities")),
        required_parameters: texts(rule.at("required_parameters")),
        allowed_parameters: parameters(rule.at("allowed_parameter")),
        denied_parameters: parameters(rule.at("denied_parameter")),
        min_wrapping_ttl: text("min_wrapping_ttl"),
        max_wrapping_ttl: text("max_wrapping_ttl"),
        subscribe_event_types: texts(rule.at("subscribe_event_types")),
    }
}

fn texts(items: &Value) -> Vec<String> {
    items.as_list().unwrap_or_default().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn parameters(blocks: &Value) -> BTreeMap<String, Vec<String>> {
    let blocks = blocks.as_list().unwrap_or_default().iter();
    blocks
        .filter_map(|block| Some((block.at("key").as_str()?.to_owned(), texts(block.at("value")))))
        .collect()
}
