//! Terraform's calls, answered by a [`Provider`].
//!
//! Each call has a fallible half, which decodes, asks the provider and encodes, and an infallible one: a failure
//! becomes an error diagnostic, beside the state that must not be lost. A gRPC error would tell the user nothing.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tonic::{Request, Response, Status};

use super::schemas::{self, Known, Schemas};
use super::tfplugin6 as proto;
use super::tfplugin6::provider_server::Provider as Service;
use super::{Encoded, from_proto, to_proto};
use crate::serve::Session;
use crate::{
    ApplyRequest, CallRequest, ConfigureRequest, Diagnostic, EphemeralRequest, Function, FunctionError,
    ImportRequest, ImportResponse, ImportedResource, MoveRequest, OpenRequest, Parameter, PlanRequest,
    Provider, ReadDataRequest, ReadRequest, UpgradeRequest, ValidateRequest, Value,
};

/// Answers the calls of one host.
pub(crate) struct ProviderService<P> {
    session: Arc<Session<P>>,
    schemas: OnceLock<Schemas>,
    encoded_schema: OnceLock<Encoded>,
}

/// What a call comes to, or why not.
type Answer<T> = Result<T, Diagnostic>;

/// What a function comes to.
type FunctionResult = Result<proto::DynamicValue, FunctionError>;

/// What tonic wants of a call; ours never fail at this level.
type Reply<T> = Result<Response<T>, Status>;

fn reply<T>(message: T) -> Reply<T> {
    Ok(Response::new(message))
}

fn failed(diagnostic: Diagnostic) -> Vec<proto::Diagnostic> {
    vec![to_proto::diagnostic(diagnostic)]
}

/// Waits for a call to be answered; a panic becomes an error.
async fn caught<T>(call: impl Future<Output = Answer<T>>) -> Answer<T> {
    let caught = AssertUnwindSafe(call).catch_unwind().await;
    caught.unwrap_or_else(|panic| Err(crash(panic.as_ref())))
}

fn crash(panic: &(dyn Any + Send)) -> Diagnostic {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Diagnostic::error(
        "The provider crashed",
        format!("{text}\n\nThis is a bug; hint: please report it to the provider's developers."),
    )
}

impl<P: Provider> ProviderService<P> {
    pub(crate) fn new(session: Arc<Session<P>>) -> ProviderService<P> {
        ProviderService { session, schemas: OnceLock::new(), encoded_schema: OnceLock::new() }
    }

    fn provider(&self) -> &P {
        self.session.provider()
    }

    fn schemas(&self) -> &Schemas {
        self.schemas.get_or_init(|| self.provider().schema().into())
    }

    fn encoded_schema(&self) -> Encoded {
        let encode = || Encoded::new(&to_proto::provider_schema(self.schemas()));
        self.encoded_schema.get_or_init(encode).clone()
    }

    async fn configured(&self, request: proto::configure_provider::Request) -> Answer<Vec<Diagnostic>> {
        let asked = ConfigureRequest {
            terraform_version: request.terraform_version,
            config: self.schemas().provider().read(request.config.as_ref())?,
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        Ok(self.provider().configure(asked).await)
    }

    async fn upgraded(
        &self,
        request: proto::upgrade_resource_state::Request,
    ) -> Answer<proto::upgrade_resource_state::Response> {
        let known = self.schemas().resource(&request.type_name)?;
        let asked = UpgradeRequest {
            type_name: request.type_name,
            version: request.version,
            state: from_proto::raw_state(request.raw_state),
            schema: known.schema().clone(),
        };
        let answer = self.provider().upgrade_resource_state(asked).await;
        Ok(proto::upgrade_resource_state::Response {
            upgraded_state: answer.state.map(|state| known.write_state(state)).transpose()?,
            diagnostics: to_proto::diagnostics(answer.diagnostics),
        })
    }

    async fn read(&self, request: proto::read_resource::Request) -> Answer<proto::read_resource::Response> {
        let known = self.schemas().resource(&request.type_name)?;
        let asked = ReadRequest {
            type_name: request.type_name,
            current_state: known.read(request.current_state.as_ref())?,
            private: request.private.clone(),
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        let answer = self.provider().read_resource(asked).await;
        Ok(proto::read_resource::Response {
            new_state: match answer.new_state {
                Some(state) => Some(known.write_state(state)?),
                None => request.current_state,
            },
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            private: answer.private.unwrap_or(request.private),
            deferred: to_proto::deferred(answer.deferred),
        })
    }

    async fn planned(
        &self,
        request: proto::plan_resource_change::Request,
    ) -> Answer<proto::plan_resource_change::Response> {
        let known = self.schemas().resource(&request.type_name)?;
        let proposed = known.read(request.proposed_new_state.as_ref())?;
        let asked = PlanRequest {
            type_name: request.type_name,
            prior_state: known.read(request.prior_state.as_ref())?,
            proposed_new_state: known.schema().block.null_write_only(proposed),
            config: known.read(request.config.as_ref())?,
            prior_private: request.prior_private.clone(),
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        let answer = self.provider().plan_resource_change(asked).await;
        Ok(proto::plan_resource_change::Response {
            planned_state: match answer.planned_state {
                Some(state) => Some(known.write_state(state)?),
                None => request.prior_state,
            },
            requires_replace: to_proto::paths(answer.requires_replace),
            planned_private: answer.planned_private.unwrap_or(request.prior_private),
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            legacy_type_system: answer.legacy_type_system,
            deferred: to_proto::deferred(answer.deferred),
        })
    }

    async fn applied(
        &self,
        request: proto::apply_resource_change::Request,
    ) -> Answer<proto::apply_resource_change::Response> {
        let known = self.schemas().resource(&request.type_name)?;
        let asked = ApplyRequest {
            type_name: request.type_name,
            prior_state: known.read(request.prior_state.as_ref())?,
            planned_state: known.read(request.planned_state.as_ref())?,
            config: known.read(request.config.as_ref())?,
            planned_private: request.planned_private.clone(),
        };
        let answer = self.provider().apply_resource_change(asked).await;
        Ok(proto::apply_resource_change::Response {
            new_state: match answer.new_state {
                Some(state) => Some(known.write_state(state)?),
                None => request.prior_state,
            },
            private: answer.private.unwrap_or(request.planned_private),
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            legacy_type_system: answer.legacy_type_system,
        })
    }

    /// What to store after an apply that came to nothing that can be told. A resource that was being created may
    /// exist: Terraform stores the plan, tainted. Else what was there before is the best guess.
    fn after_failure(&self, request: &proto::apply_resource_change::Request) -> Option<proto::DynamicValue> {
        let known = self.schemas().resource(&request.type_name).ok()?;
        match known.read(request.prior_state.as_ref()) {
            Ok(Value::Null) => {
                known.write_state(known.read(request.planned_state.as_ref()).ok()?.unknown_as_null()).ok()
            }
            _ => request.prior_state.clone(),
        }
    }

    async fn imported(
        &self,
        request: proto::import_resource_state::Request,
    ) -> Answer<proto::import_resource_state::Response> {
        self.schemas().resource(&request.type_name)?;
        let asked = ImportRequest {
            type_name: request.type_name,
            id: request.id,
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        let ImportResponse { imported, deferred, diagnostics } =
            self.provider().import_resource_state(asked).await;
        let imported: Answer<Vec<_>> = imported.into_iter().map(|found| self.found(found)).collect();
        Ok(proto::import_resource_state::Response {
            imported_resources: imported?,
            diagnostics: to_proto::diagnostics(diagnostics),
            deferred: to_proto::deferred(deferred),
        })
    }

    fn found(&self, found: ImportedResource) -> Answer<proto::import_resource_state::ImportedResource> {
        let known = self.schemas().resource(&found.type_name)?;
        let state = Some(known.write_state(found.state)?);
        let ImportedResource { type_name, private, .. } = found;
        Ok(proto::import_resource_state::ImportedResource { type_name, state, private })
    }

    async fn moved(
        &self,
        request: proto::move_resource_state::Request,
    ) -> Answer<proto::move_resource_state::Response> {
        let known = self.schemas().resource(&request.target_type_name)?;
        let asked = MoveRequest {
            source_provider_address: request.source_provider_address,
            source_type_name: request.source_type_name,
            source_schema_version: request.source_schema_version,
            source_state: from_proto::raw_state(request.source_state),
            source_private: request.source_private,
            target_type_name: request.target_type_name,
            target_schema: known.schema().clone(),
        };
        let answer = self.provider().move_resource_state(asked).await;
        Ok(proto::move_resource_state::Response {
            target_state: answer.target_state.map(|state| known.write_state(state)).transpose()?,
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            target_private: answer.target_private,
        })
    }

    async fn data_read(
        &self,
        request: proto::read_data_source::Request,
    ) -> Answer<proto::read_data_source::Response> {
        let known = self.schemas().data_source(&request.type_name)?;
        let asked = ReadDataRequest {
            type_name: request.type_name,
            config: known.read(request.config.as_ref())?,
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        let answer = self.provider().read_data_source(asked).await;
        Ok(proto::read_data_source::Response {
            state: answer.state.map(|state| known.write(&state)).transpose()?,
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            deferred: to_proto::deferred(answer.deferred),
        })
    }

    async fn opened(
        &self,
        request: proto::open_ephemeral_resource::Request,
    ) -> Answer<proto::open_ephemeral_resource::Response> {
        let known = self.schemas().ephemeral(&request.type_name)?;
        let asked = OpenRequest {
            type_name: request.type_name,
            config: known.read(request.config.as_ref())?,
            capabilities: from_proto::capabilities(request.client_capabilities),
        };
        let answer = self.provider().open_ephemeral(asked).await;
        Ok(proto::open_ephemeral_resource::Response {
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            renew_at: answer.renew_at.map(to_proto::timestamp),
            result: answer.result.map(|result| known.write(&result)).transpose()?,
            private: answer.private,
            deferred: to_proto::deferred(answer.deferred),
        })
    }

    async fn renewed(
        &self,
        request: proto::renew_ephemeral_resource::Request,
    ) -> Answer<proto::renew_ephemeral_resource::Response> {
        let private = request.private.clone();
        let asked = EphemeralRequest { type_name: request.type_name, private: request.private };
        let answer = self.provider().renew_ephemeral(asked).await;
        Ok(proto::renew_ephemeral_resource::Response {
            diagnostics: to_proto::diagnostics(answer.diagnostics),
            renew_at: answer.renew_at.map(to_proto::timestamp),
            private: answer.private.or(private),
        })
    }

    async fn called(&self, request: proto::call_function::Request) -> Answer<FunctionResult> {
        let function = self.schemas().function(&request.name)?;
        let arguments = match arguments(function, &request.arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error)),
        };
        let asked = CallRequest { name: request.name, arguments };
        match self.provider().call_function(asked).await {
            Ok(result) => schemas::write(&result, &function.result).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn validated<F>(&self, known: Answer<&Known>, request: Validation, ask: F) -> Vec<proto::Diagnostic>
    where
        F: AsyncFnOnce(&P, ValidateRequest) -> Vec<Diagnostic>,
    {
        let answer = async {
            let config = known?.read(request.config.as_ref())?;
            let capabilities = from_proto::capabilities(request.capabilities);
            let asked = ValidateRequest { type_name: request.type_name, config, capabilities };
            Ok(ask(self.provider(), asked).await)
        };
        diagnostics(caught(answer).await)
    }
}

/// A block to check, of whatever sort.
struct Validation {
    type_name: String,
    config: Option<proto::DynamicValue>,
    capabilities: Option<proto::ClientCapabilities>,
}

fn diagnostics(answer: Answer<Vec<Diagnostic>>) -> Vec<proto::Diagnostic> {
    to_proto::diagnostics(answer.unwrap_or_else(|diagnostic| vec![diagnostic]))
}

/// Arguments by position; those after the last parameter are of the variadic one.
fn arguments(function: &Function, sent: &[proto::DynamicValue]) -> Result<Vec<Value>, FunctionError> {
    let parameters = function.parameters.iter().chain(std::iter::repeat(&function.variadic).flatten());
    let few = sent.len() < function.parameters.len();
    if few || (function.variadic.is_none() && sent.len() > function.parameters.len()) {
        return Err(FunctionError::new(format!("{} arguments are too few or too many.", sent.len())));
    }
    let read = |(position, (argument, parameter)): (usize, (&proto::DynamicValue, &Parameter))| {
        schemas::read(Some(argument), &parameter.ty)
            .map_err(|diagnostic| FunctionError::argument(position, diagnostic.detail))
    };
    sent.iter().zip(parameters).enumerate().map(read).collect()
}

/// A function has no diagnostics, only an error.
fn function_failure(diagnostic: Diagnostic) -> FunctionError {
    FunctionError::new(format!("{}: {}", diagnostic.summary, diagnostic.detail))
}

#[tonic::async_trait]
impl<P: Provider> Service for ProviderService<P> {
    async fn get_metadata(
        &self,
        _: Request<proto::get_metadata::Request>,
    ) -> Reply<proto::get_metadata::Response> {
        use proto::get_metadata::{FunctionName, TypeName};
        let schemas = self.schemas();
        let named = |(name, _): (&String, _)| TypeName { type_name: name.clone() };
        reply(proto::get_metadata::Response {
            server_capabilities: Some(to_proto::capabilities()),
            diagnostics: Vec::new(),
            data_sources: schemas.data_sources().map(named).collect(),
            resources: schemas.resources().map(named).collect(),
            functions: schemas.functions().keys().map(|name| FunctionName { name: name.clone() }).collect(),
            ephemeral_resources: schemas.ephemerals().map(named).collect(),
        })
    }

    async fn get_provider_schema(&self, _: Request<proto::get_provider_schema::Request>) -> Reply<Encoded> {
        let answer = caught(async { Ok(self.encoded_schema()) }).await;
        reply(answer.unwrap_or_else(|diagnostic| {
            let diagnostics = failed(diagnostic);
            Encoded::new(&proto::get_provider_schema::Response { diagnostics, ..Default::default() })
        }))
    }

    async fn get_functions(
        &self,
        _: Request<proto::get_functions::Request>,
    ) -> Reply<proto::get_functions::Response> {
        let functions = to_proto::functions(self.schemas().functions());
        reply(proto::get_functions::Response { functions, diagnostics: Vec::new() })
    }

    async fn validate_provider_config(
        &self,
        request: Request<proto::validate_provider_config::Request>,
    ) -> Reply<proto::validate_provider_config::Response> {
        let answer = async {
            let config = self.schemas().provider().read(request.into_inner().config.as_ref())?;
            Ok(self.provider().validate_provider_config(config).await)
        };
        reply(proto::validate_provider_config::Response { diagnostics: diagnostics(caught(answer).await) })
    }

    async fn validate_resource_config(
        &self,
        request: Request<proto::validate_resource_config::Request>,
    ) -> Reply<proto::validate_resource_config::Response> {
        let proto::validate_resource_config::Request { type_name, config, client_capabilities } =
            request.into_inner();
        let known = self.schemas().resource(&type_name);
        let request = Validation { type_name, config, capabilities: client_capabilities };
        let ask = async |provider: &P, asked| provider.validate_resource_config(asked).await;
        let diagnostics = self.validated(known, request, ask).await;
        reply(proto::validate_resource_config::Response { diagnostics })
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<proto::validate_data_resource_config::Request>,
    ) -> Reply<proto::validate_data_resource_config::Response> {
        let proto::validate_data_resource_config::Request { type_name, config } = request.into_inner();
        let known = self.schemas().data_source(&type_name);
        let request = Validation { type_name, config, capabilities: None };
        let ask = async |provider: &P, asked| provider.validate_data_config(asked).await;
        let diagnostics = self.validated(known, request, ask).await;
        reply(proto::validate_data_resource_config::Response { diagnostics })
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<proto::validate_ephemeral_resource_config::Request>,
    ) -> Reply<proto::validate_ephemeral_resource_config::Response> {
        let proto::validate_ephemeral_resource_config::Request { type_name, config } = request.into_inner();
        let known = self.schemas().ephemeral(&type_name);
        let request = Validation { type_name, config, capabilities: None };
        let ask = async |provider: &P, asked| provider.validate_ephemeral_config(asked).await;
        let diagnostics = self.validated(known, request, ask).await;
        reply(proto::validate_ephemeral_resource_config::Response { diagnostics })
    }

    async fn configure_provider(
        &self,
        request: Request<proto::configure_provider::Request>,
    ) -> Reply<proto::configure_provider::Response> {
        let diagnostics = diagnostics(caught(self.configured(request.into_inner())).await);
        reply(proto::configure_provider::Response { diagnostics })
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<proto::upgrade_resource_state::Request>,
    ) -> Reply<proto::upgrade_resource_state::Response> {
        let answer = caught(self.upgraded(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::upgrade_resource_state::Response {
            upgraded_state: None,
            diagnostics: failed(diagnostic),
        }))
    }

    async fn read_resource(
        &self,
        request: Request<proto::read_resource::Request>,
    ) -> Reply<proto::read_resource::Response> {
        let request = request.into_inner();
        let (current, private) = (request.current_state.clone(), request.private.clone());
        let answer = caught(self.read(request)).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::read_resource::Response {
            new_state: current,
            diagnostics: failed(diagnostic),
            private,
            deferred: None,
        }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<proto::plan_resource_change::Request>,
    ) -> Reply<proto::plan_resource_change::Response> {
        let request = request.into_inner();
        let prior = request.prior_state.clone();
        let answer = caught(self.planned(request)).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::plan_resource_change::Response {
            planned_state: prior,
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<proto::apply_resource_change::Request>,
    ) -> Reply<proto::apply_resource_change::Response> {
        let request = request.into_inner();
        let kept = request.clone();
        let answer = caught(self.applied(request)).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::apply_resource_change::Response {
            new_state: self.after_failure(&kept),
            private: kept.planned_private,
            diagnostics: failed(diagnostic),
            legacy_type_system: false,
        }))
    }

    async fn import_resource_state(
        &self,
        request: Request<proto::import_resource_state::Request>,
    ) -> Reply<proto::import_resource_state::Response> {
        let answer = caught(self.imported(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::import_resource_state::Response {
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn move_resource_state(
        &self,
        request: Request<proto::move_resource_state::Request>,
    ) -> Reply<proto::move_resource_state::Response> {
        let answer = caught(self.moved(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::move_resource_state::Response {
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn read_data_source(
        &self,
        request: Request<proto::read_data_source::Request>,
    ) -> Reply<proto::read_data_source::Response> {
        let answer = caught(self.data_read(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::read_data_source::Response {
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<proto::open_ephemeral_resource::Request>,
    ) -> Reply<proto::open_ephemeral_resource::Response> {
        let answer = caught(self.opened(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::open_ephemeral_resource::Response {
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<proto::renew_ephemeral_resource::Request>,
    ) -> Reply<proto::renew_ephemeral_resource::Response> {
        let answer = caught(self.renewed(request.into_inner())).await;
        reply(answer.unwrap_or_else(|diagnostic| proto::renew_ephemeral_resource::Response {
            diagnostics: failed(diagnostic),
            ..Default::default()
        }))
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<proto::close_ephemeral_resource::Request>,
    ) -> Reply<proto::close_ephemeral_resource::Response> {
        let proto::close_ephemeral_resource::Request { type_name, private } = request.into_inner();
        let asked = EphemeralRequest { type_name, private };
        let answer = caught(async { Ok(self.provider().close_ephemeral(asked).await) }).await;
        reply(proto::close_ephemeral_resource::Response { diagnostics: diagnostics(answer) })
    }

    async fn call_function(
        &self,
        request: Request<proto::call_function::Request>,
    ) -> Reply<proto::call_function::Response> {
        let called = caught(self.called(request.into_inner())).await;
        let (result, error) = match called.map_err(function_failure).flatten() {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(to_proto::function_error(error))),
        };
        reply(proto::call_function::Response { result, error })
    }

    async fn stop_provider(
        &self,
        _: Request<proto::stop_provider::Request>,
    ) -> Reply<proto::stop_provider::Response> {
        let stop = async {
            self.provider().stop().await;
            Ok(())
        };
        let stopped = caught(stop).await;
        let error = stopped.err().map(|diagnostic| diagnostic.detail).unwrap_or_default();
        reply(proto::stop_provider::Response { error })
    }
}

#[cfg(test)]
mod tests;
