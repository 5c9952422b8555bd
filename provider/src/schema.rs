//! Kinds to Terraform schemas, in the SDK's types. What stands in them is decided by `schemas::terraform`.

use schemas::shape::Declared;
use schemas::{Class, Kind, States, kinds, terraform};
use tf_provider_sdk::{Attribute, Block, NestedBlock, Nesting, ProviderSchema, Schema, Type};

use crate::block::ProviderBlock;

/// Everything the provider offers.
pub(crate) fn provider() -> ProviderSchema {
    let of = |class: Class| {
        let kinds = kinds::KINDS.iter().filter(move |kind| kind.class == class);
        kinds.map(|kind| (kind.terraform_name(), schema(kind))).collect()
    };
    ProviderSchema {
        provider: Schema {
            version: 0,
            block: block(terraform::block_of(ProviderBlock::PARTS, States::Modern)),
        },
        resources: of(Class::Resource),
        data_sources: of(Class::Data),
        ephemerals: of(Class::Ephemeral),
        ..ProviderSchema::default()
    }
}

fn schema(kind: &Kind) -> Schema {
    let block = Block {
        description: kind.doc.to_owned(),
        deprecated: kind.deprecated.is_some(),
        ..block(terraform::block(kind))
    };
    Schema { version: kind.version.into(), block }
}

fn block(block: terraform::Block) -> Block {
    Block {
        attributes: block.attributes.into_iter().map(attribute).collect(),
        blocks: block.blocks.into_iter().map(nested).collect(),
        ..Block::default()
    }
}

fn attribute(attribute: terraform::Attribute) -> Attribute {
    Attribute {
        description: attribute.doc.to_owned(),
        required: attribute.required,
        optional: attribute.optional,
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        computed: attribute.computed,
        ..Attribute::computed(attribute.name, to_type(attribute.ty))
    }
}

fn nested(nested: terraform::Nested) -> NestedBlock {
    let block = Block { description: nested.doc.to_owned(), ..block(nested.block) };
    NestedBlock {
        name: nested.name.to_owned(),
        block,
        nesting: Nesting::List,
        min: 0,
        max: nested.max.into(),
    }
}

fn to_type(ty: terraform::Type) -> Type {
    match ty {
        terraform::Type::Bool => Type::Bool,
        terraform::Type::Number => Type::Number,
        terraform::Type::String => Type::String,
        terraform::Type::List(inner) => Type::list(to_type(*inner)),
        terraform::Type::Set(inner) => Type::set(to_type(*inner)),
        terraform::Type::Map(inner) => Type::map(to_type(*inner)),
        terraform::Type::Object(fields) => {
            Type::object(fields.into_iter().map(|(name, ty)| (name, to_type(ty))))
        }
    }
}
