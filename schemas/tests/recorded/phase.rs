//! A run as it went: what was asked from its beginning to its end, and what the configuration asked for.

use schemas::{Field, Kind, Method, Presence, Record, Request, States, Value, codec, json};

use super::{Case, Exchange, Instance};

/// The exchanges of one phase, and of the plan after it for what was not read at once.
pub(crate) struct Phase<'a> {
    exchanges: Vec<&'a Exchange>,
    plan: Vec<&'a Exchange>,
    position: usize,
}

impl Case {
    /// The run called `name`.
    pub(crate) fn phase(&self, name: &str) -> Phase<'_> {
        let of = |name: &str| self.exchanges.iter().filter(|exchange| exchange.phase == name).collect();
        let plan = if name == "update" { "update_plan" } else { "plan" };
        Phase { exchanges: of(name), plan: of(plan), position: 0 }
    }
}

impl Instance {
    pub(crate) fn id(&self) -> Option<String> {
        self.state.get("id").as_str().map(str::to_owned)
    }

    /// The state's attributes, as the provider hands them over.
    pub(crate) fn record(&self, kind: &Kind) -> Record {
        kind.fields().map(|field| (field.name.to_owned(), self.state.get(field.name).clone())).collect()
    }

    /// What the provider asks for: what is configured, the defaults, and null for the rest. The configuration says
    /// which attributes are set, the state to what.
    pub(crate) fn desired(&self, kind: &Kind, configuration: &str) -> Record {
        let block = self.block(configuration);
        let value = |field: &Field| {
            let is_set = field.is_configurable() && mentions(block, field.name);
            match field.default {
                _ if is_set && field.is_write_only() => literal(block, field.name),
                _ if is_set => self.state.get(field.name).clone(),
                Some(_) if kind.states == States::Legacy || field.presence == Presence::Filled => {
                    codec::absent(field)
                }
                _ => Value::Null,
            }
        };
        kind.fields().map(|field| (field.name.to_owned(), value(field))).collect()
    }

    fn block<'a>(&self, configuration: &'a str) -> &'a str {
        let head = format!("resource \"vault_{}\" \"{}\" {{", self.name, self.label);
        let start = configuration.find(&head).unwrap_or_else(|| panic!("{head}"));
        let block = &configuration[start..];
        &block[..block.find("\n}").unwrap_or(block.len())]
    }
}

/// True if a line of `block` sets `name`. Lines of a nested block are deeper.
fn mentions(block: &str, name: &str) -> bool {
    let sets = |line: &str| {
        let rest = line.strip_prefix("  ").and_then(|line| line.strip_prefix(name));
        let rest = rest.map(str::trim_start).unwrap_or_default();
        rest.starts_with(['=', '{']) && !rest.trim_end().ends_with("= null")
    };
    block.lines().any(sets)
}

/// The text that `block` sets `name` to; unknown if it is an expression.
fn literal(block: &str, name: &str) -> Value {
    let sets = |line: &&str| line.trim_start().starts_with(&format!("{name} "));
    let line = block.lines().find(sets).unwrap_or_default();
    let text = line.split_once('=').map(|(_, text)| text.trim()).unwrap_or_default();
    let literal = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    literal.map_or(Value::Unknown, Value::from)
}

impl Exchange {
    fn is_twin(&self, request: &Request, namespace: &str) -> bool {
        let body = request.body.as_ref().unwrap_or(&Value::Null);
        self.asks_for(request, namespace)
            && self.wrap_ttl == request.wrap_ttl.as_deref().unwrap_or_default()
            && (!names_its_object(request) || told(self.body()) == told(body))
    }
}

impl Phase<'_> {
    /// The recorded twin of `request`: the next one in the phase, else one of the plan, else an earlier one.
    pub(crate) fn answer(&mut self, request: &Request, namespace: &str) -> Option<Exchange> {
        let is_twin = |exchange: &&Exchange| exchange.is_twin(request, namespace);
        let next = self.exchanges.iter().skip(self.position).position(is_twin);
        if let Some(index) = next {
            self.position += index + 1;
            return Some(self.exchanges[self.position - 1].clone());
        }
        let reads = request.reads || matches!(request.method, Method::Get | Method::List);
        let mut others = self.plan.iter().chain(&self.exchanges).copied();
        let found = others.find(|exchange| reads && is_twin(exchange));
        found.cloned()
    }
}

/// Several objects have one path there; the body says which it is.
fn names_its_object(request: &Request) -> bool {
    let ends = ["/secret-id", "/login"].iter().any(|end| request.path.ends_with(end));
    request.path.contains("accessor") || request.path.starts_with("auth/token/create") || ends
}

/// What distinguishes bodies of one path.
fn told(body: &Value) -> [String; 6] {
    let text = |name: &str| {
        let mut items = match body.at(name) {
            Value::List(items) => items.iter().map(json::render).collect(),
            value => vec![json::render(value)],
        };
        items.sort();
        items.join(",")
    };
    ["accessor", "secret_id_accessor", "policies", "ttl", "period", "role_id"].map(text)
}
