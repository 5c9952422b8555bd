//! What is answered, in the protocol's types.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::schemas::Schemas;
use super::tfplugin6 as proto;
use super::tfplugin6::attribute_path::step::Selector;
use super::tfplugin6::schema::nested_block::NestingMode;
use crate::{
    Attribute, AttributePath, Block, Deferred, Diagnostic, Function, FunctionError, NestedBlock, Nesting,
    Parameter, Schema, Severity, Step, Type,
};

const MARKDOWN: i32 = proto::StringKind::Markdown as i32;

pub(super) fn diagnostics(diagnostics: Vec<Diagnostic>) -> Vec<proto::Diagnostic> {
    diagnostics.into_iter().map(diagnostic).collect()
}

pub(super) fn diagnostic(diagnostic: Diagnostic) -> proto::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => proto::diagnostic::Severity::Error,
        Severity::Warning => proto::diagnostic::Severity::Warning,
    };
    proto::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary,
        detail: diagnostic.detail,
        attribute: diagnostic.path.filter(|path| !path.steps.is_empty()).map(path),
    }
}

pub(super) fn paths(paths: Vec<AttributePath>) -> Vec<proto::AttributePath> {
    paths.into_iter().map(path).collect()
}

fn path(path: AttributePath) -> proto::AttributePath {
    let selector = |step| match step {
        Step::Attribute(name) => Selector::AttributeName(name),
        Step::Key(key) => Selector::ElementKeyString(key),
        Step::Index(index) => Selector::ElementKeyInt(index),
    };
    let step = |step| proto::attribute_path::Step { selector: Some(selector(step)) };
    proto::AttributePath { steps: path.steps.into_iter().map(step).collect() }
}

pub(super) fn deferred(deferred: Option<Deferred>) -> Option<proto::Deferred> {
    use proto::deferred::Reason;
    let reason = match deferred? {
        Deferred::ResourceConfigUnknown => Reason::ResourceConfigUnknown,
        Deferred::ProviderConfigUnknown => Reason::ProviderConfigUnknown,
        Deferred::AbsentPrerequisite => Reason::AbsentPrereq,
    };
    Some(proto::Deferred { reason: reason.into() })
}

/// A time before 1970 is long past, whatever it is.
pub(super) fn timestamp(time: SystemTime) -> proto::Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    proto::Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).expect("less than a billion"),
    }
}

pub(super) fn function_error(error: FunctionError) -> proto::FunctionError {
    let position = error.argument.and_then(|position| i64::try_from(position).ok());
    proto::FunctionError { text: error.text, function_argument: position }
}

pub(super) fn capabilities() -> proto::ServerCapabilities {
    proto::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
    }
}

pub(super) fn provider_schema(schemas: &Schemas) -> proto::get_provider_schema::Response {
    proto::get_provider_schema::Response {
        provider: Some(schema(schemas.provider().schema())),
        resource_schemas: each(schemas.resources()),
        data_source_schemas: each(schemas.data_sources()),
        diagnostics: Vec::new(),
        provider_meta: None,
        server_capabilities: Some(capabilities()),
        functions: functions(schemas.functions()),
        ephemeral_resource_schemas: each(schemas.ephemerals()),
    }
}

fn each<'a>(schemas: impl Iterator<Item = (&'a String, &'a Arc<Schema>)>) -> BTreeMap<String, proto::Schema> {
    schemas.map(|(name, declared)| (name.clone(), schema(declared))).collect()
}

fn schema(schema: &Schema) -> proto::Schema {
    proto::Schema { version: schema.version, block: Some(block(&schema.block, schema.version)) }
}

fn block(block: &Block, version: i64) -> proto::schema::Block {
    proto::schema::Block {
        version,
        attributes: block.attributes.iter().map(attribute).collect(),
        block_types: block.blocks.iter().map(nested_block).collect(),
        description: block.description.clone(),
        description_kind: MARKDOWN,
        deprecated: block.deprecated,
    }
}

fn attribute(attribute: &Attribute) -> proto::schema::Attribute {
    proto::schema::Attribute {
        name: attribute.name.clone(),
        r#type: ty(&attribute.ty),
        description: attribute.description.clone(),
        required: attribute.required,
        optional: attribute.optional,
        computed: attribute.computed,
        sensitive: attribute.sensitive,
        description_kind: MARKDOWN,
        deprecated: attribute.deprecated,
        write_only: attribute.write_only,
    }
}

fn nested_block(nested: &NestedBlock) -> proto::schema::NestedBlock {
    let nesting = match nested.nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
        Nesting::Group => NestingMode::Group,
    };
    proto::schema::NestedBlock {
        type_name: nested.name.clone(),
        block: Some(block(&nested.block, 0)),
        nesting: nesting.into(),
        min_items: nested.min,
        max_items: nested.max,
    }
}

fn ty(ty: &Type) -> Vec<u8> {
    ty.to_json().into_bytes()
}

pub(super) fn functions(functions: &BTreeMap<String, Function>) -> BTreeMap<String, proto::Function> {
    functions.iter().map(|(name, declared)| (name.clone(), function(declared))).collect()
}

fn function(function: &Function) -> proto::Function {
    proto::Function {
        parameters: function.parameters.iter().map(parameter).collect(),
        variadic_parameter: function.variadic.as_ref().map(parameter),
        r#return: Some(proto::function::Return { r#type: ty(&function.result) }),
        summary: function.summary.clone(),
        description: function.description.clone(),
        description_kind: MARKDOWN,
        deprecation_message: function.deprecation.clone(),
    }
}

fn parameter(parameter: &Parameter) -> proto::function::Parameter {
    proto::function::Parameter {
        name: parameter.name.clone(),
        r#type: ty(&parameter.ty),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.clone(),
        description_kind: MARKDOWN,
    }
}
