//! What Terraform is told of a kind. The provider serves it, and the tests compare it with the incumbent's.

use std::collections::BTreeMap;

use crate::kind::{Class, Field, Kind, Part, Presence, Secrecy, Shape, States, fields};

/// A type of Terraform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(…)`
    List(Box<Type>),
    /// `set(…)`
    Set(Box<Type>),
    /// `map(…)`
    Map(Box<Type>),
    /// `object({…})`
    Object(BTreeMap<&'static str, Type>),
}

/// An attribute of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Reference text.
    pub doc: &'static str,
    /// The configuration has to set it.
    pub required: bool,
    /// The configuration may set it.
    pub optional: bool,
    /// The provider may set it.
    pub computed: bool,
    /// It is masked on screen.
    pub sensitive: bool,
    /// It is never stored.
    pub write_only: bool,
    /// Why not to use it any more.
    pub deprecated: Option<&'static str>,
}

/// A block inside a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    /// Its name.
    pub name: &'static str,
    /// Reference text.
    pub doc: &'static str,
    /// What stands in it.
    pub block: Block,
    /// Most of them; 0 for no limit.
    pub max: u32,
}

/// Attributes and blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// In the order of the declaration.
    pub attributes: Vec<Attribute>,
    /// In the order of the declaration.
    pub blocks: Vec<Nested>,
}

/// The block of `kind`, with `id` where the type has one.
pub fn block(kind: &Kind) -> Block {
    let mut block = block_of(kind.parts, kind.states);
    block.attributes.extend(id(kind));
    block
}

/// The block of fields that are no kind, such as the provider's own.
pub fn block_of(parts: &'static [Part], states: States) -> Block {
    let mut block = Block::default();
    for field in fields(parts) {
        match field.shape {
            Shape::Block { parts, max } => block.blocks.push(Nested {
                name: field.name,
                doc: field.doc,
                block: block_of(parts, states),
                max,
            }),
            _ => block.attributes.push(attribute(field, states)),
        }
    }
    block
}

/// Whether objects of `kind` have an `id` beside their fields.
pub fn has_id(kind: &Kind) -> bool {
    let has = kind.class != Class::Ephemeral && (kind.states == States::Legacy || kind.id.is_some());
    has && kind.field("id").is_none()
}

/// `id`, which the older SDK gives to every resource and data source, and lets the configuration set.
fn id(kind: &Kind) -> Option<Attribute> {
    let legacy = kind.states == States::Legacy;
    let id = Field {
        doc: "Identifier of the object.",
        ..Field::new("id", Shape::Text(crate::Text::Plain), Presence::Output)
    };
    let attribute = Attribute { optional: legacy, ..attribute(&id, kind.states) };
    has_id(kind).then_some(attribute)
}

fn attribute(field: &Field, states: States) -> Attribute {
    let presence = field.presence;
    // The older SDK let every `id` be set; the newer framework has the provider fill in defaults.
    let legacy_id = field.name == "id" && states == States::Legacy;
    let modern_default = field.default.is_some() && states == States::Modern;
    Attribute {
        name: field.name,
        ty: type_of(&field.shape),
        doc: field.doc,
        required: presence == Presence::Required,
        optional: matches!(presence, Presence::Optional | Presence::Filled) || legacy_id,
        computed: matches!(presence, Presence::Output | Presence::Filled) || modern_default,
        sensitive: matches!(field.secrecy, Secrecy::Sensitive | Secrecy::SensitiveWriteOnly),
        write_only: field.is_write_only(),
        deprecated: field.deprecated,
    }
}

/// The type of values of that shape.
pub fn type_of(shape: &Shape) -> Type {
    match shape {
        Shape::Bool => Type::Bool,
        Shape::Integer | Shape::Seconds => Type::Number,
        Shape::Text(_) | Shape::Duration | Shape::Json => Type::String,
        Shape::List(inner) => Type::List(Box::new(type_of(inner))),
        Shape::Set(inner) => Type::Set(Box::new(type_of(inner))),
        Shape::Map(inner) => Type::Map(Box::new(type_of(inner))),
        Shape::Object(parts) => object(parts),
        Shape::Block { parts, .. } => Type::List(Box::new(object(parts))),
    }
}

fn object(parts: &'static [Part]) -> Type {
    Type::Object(fields(parts).map(|field| (field.name, type_of(&field.shape))).collect())
}

impl Type {
    /// The type as Terraform writes it in JSON: `"string"`, `["list","string"]`, `["object",{…}]`.
    pub fn to_json(&self) -> serde_json::Value {
        let wrapped = |word: &str, inner: &Type| serde_json::json!([word, inner.to_json()]);
        match self {
            Type::Bool => "bool".into(),
            Type::Number => "number".into(),
            Type::String => "string".into(),
            Type::List(inner) => wrapped("list", inner),
            Type::Set(inner) => wrapped("set", inner),
            Type::Map(inner) => wrapped("map", inner),
            Type::Object(attributes) => {
                let attributes: serde_json::Map<_, _> =
                    attributes.iter().map(|(name, ty)| ((*name).to_owned(), ty.to_json())).collect();
                serde_json::json!(["object", attributes])
            }
        }
    }
}
