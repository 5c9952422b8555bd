//! Kinds to Terraform schemas.

use schemas::kind::fields;
use schemas::shape::Declared;
use schemas::{Class, Field, Kind, Part, Presence, Secrecy, Shape, States, kinds};
use tf_provider_sdk::{Attribute, Block, NestedBlock, Nesting, ProviderSchema, Schema, Type};

use crate::block::ProviderBlock;

/// Everything the provider offers.
pub(crate) fn provider() -> ProviderSchema {
    let of = |class: Class| {
        let kinds = kinds::KINDS.iter().filter(move |kind| kind.class == class);
        kinds.map(|kind| (kind.terraform_name(), schema(kind))).collect()
    };
    ProviderSchema {
        provider: Schema { version: 0, block: block(ProviderBlock::PARTS) },
        resources: of(Class::Resource),
        data_sources: of(Class::Data),
        ephemerals: of(Class::Ephemeral),
        ..ProviderSchema::default()
    }
}

/// The schema of one kind.
pub(crate) fn schema(kind: &Kind) -> Schema {
    let mut block = block(kind.parts);
    block.description = kind.doc.to_owned();
    block.deprecated = kind.deprecated.is_some();
    block.attributes.extend(id(kind));
    Schema { version: kind.version.into(), block }
}

/// `id`, which the older SDK gives to every resource and data source.
fn id(kind: &Kind) -> Option<Attribute> {
    let legacy = kind.states == States::Legacy;
    let exists =
        kind.class != Class::Ephemeral && (legacy || kind.id.is_some()) && kind.field("id").is_none();
    exists.then(|| Attribute {
        optional: legacy,
        description: "Identifier of the object.".to_owned(),
        ..Attribute::computed("id", Type::String)
    })
}

fn block(parts: &'static [Part]) -> Block {
    let (blocks, attributes): (Vec<_>, Vec<_>) =
        fields(parts).partition(|field| matches!(field.shape, Shape::Block { .. }));
    Block {
        attributes: attributes.into_iter().map(attribute).collect(),
        blocks: blocks.into_iter().filter_map(nested).collect(),
        ..Block::default()
    }
}

fn attribute(field: &Field) -> Attribute {
    let presence = field.presence;
    Attribute {
        name: field.name.to_owned(),
        ty: terraform_type(&field.shape),
        description: field.doc.to_owned(),
        required: presence == Presence::Required,
        optional: matches!(presence, Presence::Optional | Presence::Filled),
        computed: matches!(presence, Presence::Output | Presence::Filled),
        sensitive: matches!(field.secrecy, Secrecy::Sensitive | Secrecy::SensitiveWriteOnly),
        write_only: field.is_write_only(),
        deprecated: field.deprecated.is_some(),
    }
}

fn nested(field: &Field) -> Option<NestedBlock> {
    let Shape::Block { parts, max } = field.shape else { return None };
    Some(NestedBlock {
        name: field.name.to_owned(),
        block: block(parts),
        nesting: Nesting::List,
        min: 0,
        max: max.into(),
    })
}

/// The type of values of that shape.
pub(crate) fn terraform_type(shape: &Shape) -> Type {
    match shape {
        Shape::Bool => Type::Bool,
        Shape::Integer | Shape::Seconds => Type::Number,
        Shape::Text(_) | Shape::Duration | Shape::Json => Type::String,
        Shape::List(inner) => Type::list(terraform_type(inner)),
        Shape::Set(inner) => Type::set(terraform_type(inner)),
        Shape::Map(inner) => Type::map(terraform_type(inner)),
        Shape::Object(parts) => {
            Type::object(fields(parts).map(|field| (field.name, terraform_type(&field.shape))))
        }
        Shape::Block { parts, .. } => Type::list(block(parts).implied_type()),
    }
}
