//! What a provider declares.

use std::collections::BTreeMap;

use crate::{Type, Value};

/// Everything a provider offers, by type name (`vault_policy`) or function name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSchema {
    /// The `provider` block.
    pub provider: Schema,
    /// Managed resources.
    pub resources: BTreeMap<String, Schema>,
    /// Data sources.
    pub data_sources: BTreeMap<String, Schema>,
    /// Ephemeral resources.
    pub ephemerals: BTreeMap<String, Schema>,
    /// Functions.
    pub functions: BTreeMap<String, Function>,
}

/// The configuration and state of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Raised when stored state needs an upgrade.
    pub version: i64,
    /// The attributes and blocks.
    pub block: Block,
}

/// Attributes and nested blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// `name = value`
    pub attributes: Vec<Attribute>,
    /// `name { … }`
    pub blocks: Vec<NestedBlock>,
    /// Reference text, in Markdown.
    pub description: String,
    /// Whether using it is warned about.
    pub deprecated: bool,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub ty: Type,
    /// Reference text, in Markdown.
    pub description: String,
    /// Must be configured.
    pub required: bool,
    /// May be configured.
    pub optional: bool,
    /// Filled in by the provider if it is not configured.
    pub computed: bool,
    /// Not shown.
    pub sensitive: bool,
    /// Configured, sent, and in no state or plan. See [`Block::null_write_only`].
    pub write_only: bool,
    /// Whether using it is warned about.
    pub deprecated: bool,
}

impl Attribute {
    fn new(name: &str, ty: Type) -> Attribute {
        Attribute {
            name: name.to_owned(),
            ty,
            description: String::new(),
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            write_only: false,
            deprecated: false,
        }
    }

    /// An attribute that must be configured.
    pub fn required(name: &str, ty: Type) -> Attribute {
        Attribute { required: true, ..Attribute::new(name, ty) }
    }

    /// An attribute that may be configured.
    pub fn optional(name: &str, ty: Type) -> Attribute {
        Attribute { optional: true, ..Attribute::new(name, ty) }
    }

    /// An attribute that the provider fills in.
    pub fn computed(name: &str, ty: Type) -> Attribute {
        Attribute { computed: true, ..Attribute::new(name, ty) }
    }
}

/// A block in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedBlock {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub block: Block,
    /// How many there may be, and how they are held.
    pub nesting: Nesting,
    /// The least number of them; 0 for none.
    pub min: i64,
    /// The largest number of them; 0 for any.
    pub max: i64,
}

/// How nested blocks are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One or none: an object, or null.
    Single,
    /// Any number, in order: a list, never null.
    List,
    /// Any number, without order: a set, never null.
    Set,
    /// Any number, by label: a map, never null.
    Map,
    /// Always one: an object, its attributes null if the block is not written.
    Group,
}

impl NestedBlock {
    fn ty(&self) -> Type {
        let element = self.block.implied_type();
        match self.nesting {
            Nesting::Single | Nesting::Group => element,
            Nesting::List => Type::list(element),
            Nesting::Set => Type::set(element),
            Nesting::Map => Type::map(element),
        }
    }

    /// What stands for no block of this name.
    fn absent(&self) -> Value {
        match self.nesting {
            Nesting::Single => Value::Null,
            Nesting::List => Value::List(Vec::new()),
            Nesting::Set => Value::Set(Vec::new()),
            Nesting::Map => Value::Map(BTreeMap::new()),
            Nesting::Group => self.block.empty(),
        }
    }

    /// Applies `change` to each block held in `value`.
    fn each(&self, value: Value, change: impl Fn(&Block, Value) -> Value) -> Value {
        let change = |part| change(&self.block, part);
        match value {
            Value::List(parts) => Value::List(parts.into_iter().map(change).collect()),
            Value::Set(parts) => Value::set(parts.into_iter().map(change)),
            Value::Map(parts) => Value::Map(parts.into_iter().map(|(k, part)| (k, change(part))).collect()),
            other => change(other),
        }
    }
}

impl Block {
    /// The type of the values of this block.
    pub fn implied_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (&attribute.name, attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|nested| (&nested.name, nested.ty()));
        Type::object(attributes.chain(blocks))
    }

    /// A value of this block in which every attribute is null and there is no nested block.
    pub fn empty(&self) -> Value {
        self.complete(Value::Object(BTreeMap::new()))
    }

    /// The same value with null for each attribute it lacks, and the empty list, set or map for each nested
    /// block that is absent or null: Terraform refuses the value otherwise. Null and unknown stay what they are.
    #[must_use]
    pub fn complete(&self, value: Value) -> Value {
        let Value::Object(mut parts) = value else { return value };
        for attribute in &self.attributes {
            parts.entry(attribute.name.clone()).or_insert(Value::Null);
        }
        for nested in &self.blocks {
            let part = match parts.remove(&nested.name) {
                None | Some(Value::Null) => nested.absent(),
                Some(part) => nested.each(part, Block::complete),
            };
            parts.insert(nested.name.clone(), part);
        }
        Value::Object(parts)
    }

    /// The same value with null for every write-only attribute. Terraform puts them into the state it proposes,
    /// and refuses them in every state a provider answers.
    #[must_use]
    pub fn null_write_only(&self, value: Value) -> Value {
        if !self.has_write_only() {
            return value;
        }
        let Value::Object(mut parts) = value else { return value };
        for attribute in self.attributes.iter().filter(|attribute| attribute.write_only) {
            parts.insert(attribute.name.clone(), Value::Null);
        }
        for nested in &self.blocks {
            if let Some(part) = parts.remove(&nested.name) {
                parts.insert(nested.name.clone(), nested.each(part, Block::null_write_only));
            }
        }
        Value::Object(parts)
    }

    fn has_write_only(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.write_only)
            || self.blocks.iter().any(|nested| nested.block.has_write_only())
    }
}

/// A function that configurations can call as `provider::<name>::<function>(…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Positional parameters.
    pub parameters: Vec<Parameter>,
    /// What any number of further arguments must be.
    pub variadic: Option<Parameter>,
    /// The type of its result.
    pub result: Type,
    /// One line.
    pub summary: String,
    /// Reference text, in Markdown.
    pub description: String,
    /// What to use instead; empty unless it is deprecated.
    pub deprecation: String,
}

/// A parameter of a [`Function`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Shown to users; arguments are positional.
    pub name: String,
    /// The type of the argument.
    pub ty: Type,
    /// Whether null is passed on rather than refused.
    pub allow_null: bool,
    /// Whether unknown is passed on rather than making the result unknown.
    pub allow_unknown: bool,
    /// Reference text, in Markdown.
    pub description: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(name: &str, nesting: Nesting) -> NestedBlock {
        let secret = Attribute { write_only: true, ..Attribute::optional("secret_wo", Type::String) };
        let block = Block { attributes: vec![secret], ..Block::default() };
        NestedBlock { name: name.into(), block, nesting, min: 0, max: 0 }
    }

    fn block() -> Block {
        let blocks = vec![
            nested("group", Nesting::Group),
            nested("list", Nesting::List),
            nested("map", Nesting::Map),
            nested("set", Nesting::Set),
            nested("single", Nesting::Single),
        ];
        Block { attributes: vec![Attribute::required("name", Type::String)], blocks, ..Block::default() }
    }

    fn secret(value: Value) -> Value {
        Value::object([("secret_wo", value)])
    }

    #[test]
    fn nesting_decides_the_type() {
        let inner = || Type::object([("secret_wo", Type::String)]);
        let expected = Type::object([
            ("name", Type::String),
            ("group", inner()),
            ("list", Type::list(inner())),
            ("map", Type::map(inner())),
            ("set", Type::set(inner())),
            ("single", inner()),
        ]);
        assert_eq!(block().implied_type(), expected);
    }

    #[test]
    fn absent_blocks_are_empty_and_absent_attributes_null() {
        let expected = Value::object([
            ("name", Value::Null),
            ("group", secret(Value::Null)),
            ("list", Value::List(vec![])),
            ("map", Value::Map(BTreeMap::new())),
            ("set", Value::set([])),
            ("single", Value::Null),
        ]);
        assert_eq!(block().empty(), expected);
        let with_null = Value::object([("list", Value::Null), ("set", Value::Null)]);
        assert_eq!(block().complete(with_null), expected);
    }

    #[test]
    fn write_only_attributes_become_null_at_every_depth() {
        let full = |value: &str| {
            block().complete(Value::object([
                ("name", "n".into()),
                ("group", secret(value.into())),
                ("list", Value::List(vec![secret(value.into())])),
                ("map", Value::Map([("k".to_owned(), secret(value.into()))].into())),
                ("set", Value::set([secret(value.into())])),
                ("single", secret(value.into())),
            ]))
        };
        let cleared = block().null_write_only(full("hunter2"));
        assert_eq!(cleared.attribute("name"), &Value::from("n"));
        assert_eq!(cleared.attribute("list").elements().map(<[Value]>::len), Some(1));
        assert!(!format!("{cleared:?}").contains("hunter2"));
    }
}
