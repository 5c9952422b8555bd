//! The provider's schemas, ready to read and write values by.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{from_proto, tfplugin6 as proto};
use crate::{CodecError, Diagnostic, Function, ProviderSchema, Schema, Type, Value, msgpack};

/// A schema, and the type it implies once that is needed: one process needs few of them.
pub(super) struct Known {
    schema: Arc<Schema>,
    ty: OnceLock<Type>,
}

impl From<Schema> for Known {
    fn from(schema: Schema) -> Known {
        Known { schema: Arc::new(schema), ty: OnceLock::new() }
    }
}

impl Known {
    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn ty(&self) -> &Type {
        self.ty.get_or_init(|| self.schema.block.implied_type())
    }

    /// Reads a value that Terraform sent.
    pub(super) fn read(&self, dynamic: Option<&proto::DynamicValue>) -> Result<Value, Diagnostic> {
        read(dynamic, self.ty())
    }

    /// Writes a value that is no state, and may hold anything.
    pub(super) fn write(&self, value: &Value) -> Result<proto::DynamicValue, Diagnostic> {
        write(value, self.ty())
    }

    /// Writes state, in which write-only attributes have no place.
    pub(super) fn write_state(&self, state: Value) -> Result<proto::DynamicValue, Diagnostic> {
        self.write(&self.schema.block.null_write_only(state))
    }
}

pub(super) fn read(dynamic: Option<&proto::DynamicValue>, ty: &Type) -> Result<Value, Diagnostic> {
    from_proto::value(dynamic, ty)
        .map_err(|error| misfit("Terraform sent a value that does not fit the provider's schema", &error))
}

pub(super) fn write(value: &Value, ty: &Type) -> Result<proto::DynamicValue, Diagnostic> {
    match msgpack::encode(value, ty) {
        Ok(msgpack) => Ok(proto::DynamicValue { msgpack, json: Vec::new() }),
        Err(error) => Err(misfit("The provider answered a value that does not fit its schema", &error)),
    }
}

fn misfit(summary: &str, error: &CodecError) -> Diagnostic {
    let detail = format!("{error}.\n\nThis is a bug; hint: please report it to the provider's developers.");
    Diagnostic::error(summary, detail).at(error.path())
}

/// All schemas of a provider.
pub(super) struct Schemas {
    provider: Known,
    resources: BTreeMap<String, Known>,
    data_sources: BTreeMap<String, Known>,
    ephemerals: BTreeMap<String, Known>,
    functions: BTreeMap<String, Function>,
}

fn known(schemas: BTreeMap<String, Schema>) -> BTreeMap<String, Known> {
    schemas.into_iter().map(|(name, schema)| (name, schema.into())).collect()
}

impl From<ProviderSchema> for Schemas {
    fn from(declared: ProviderSchema) -> Schemas {
        Schemas {
            provider: declared.provider.into(),
            resources: known(declared.resources),
            data_sources: known(declared.data_sources),
            ephemerals: known(declared.ephemerals),
            functions: declared.functions,
        }
    }
}

fn find<'a, T>(all: &'a BTreeMap<String, T>, what: &str, name: &str) -> Result<&'a T, Diagnostic> {
    all.get(name).ok_or_else(|| {
        Diagnostic::error(format!("Unknown {what}"), format!("This provider has no {what} `{name}`."))
    })
}

type Entry<'a> = (&'a String, &'a Arc<Schema>);

fn entries(all: &BTreeMap<String, Known>) -> impl Iterator<Item = Entry<'_>> {
    all.iter().map(|(name, known)| (name, &known.schema))
}

impl Schemas {
    pub(super) fn provider(&self) -> &Known {
        &self.provider
    }

    pub(super) fn resource(&self, name: &str) -> Result<&Known, Diagnostic> {
        find(&self.resources, "resource type", name)
    }

    pub(super) fn data_source(&self, name: &str) -> Result<&Known, Diagnostic> {
        find(&self.data_sources, "data source", name)
    }

    pub(super) fn ephemeral(&self, name: &str) -> Result<&Known, Diagnostic> {
        find(&self.ephemerals, "ephemeral resource type", name)
    }

    pub(super) fn function(&self, name: &str) -> Result<&Function, Diagnostic> {
        find(&self.functions, "function", name)
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = Entry<'_>> {
        entries(&self.resources)
    }

    pub(super) fn data_sources(&self) -> impl Iterator<Item = Entry<'_>> {
        entries(&self.data_sources)
    }

    pub(super) fn ephemerals(&self) -> impl Iterator<Item = Entry<'_>> {
        entries(&self.ephemerals)
    }

    pub(super) fn functions(&self) -> &BTreeMap<String, Function> {
        &self.functions
    }
}
