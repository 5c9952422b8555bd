//! What a provider implements, and what it is asked and answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::{AttributePath, CodecError, Diagnostic, ProviderSchema, Schema, Value, json};

/// A Terraform provider.
///
/// Values are already decoded and checked against the schema; answers are encoded by it, and an answer that does
/// not fit becomes an error that names the attribute. A panic in any of these becomes an error, and takes nothing
/// else with it. Calls come concurrently.
///
/// Terraform starts a process for each phase: validation, planning and applying do not share one, and functions
/// and moves run in one that is never configured.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Everything the provider offers. Called once, when it is first needed.
    fn schema(&self) -> ProviderSchema;

    /// Checks the provider block. Values may be unknown.
    async fn validate_provider_config(&self, config: Value) -> Vec<Diagnostic> {
        let _ = config;
        Vec::new()
    }

    /// Takes the provider block. Values may be unknown.
    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic>;

    /// Terraform was interrupted: calls upstream should be given up, and answered with an error.
    async fn stop(&self) {}

    /// The process is about to end. Awaited for at most ten seconds; the place to revoke what was only borrowed.
    async fn shutdown(&self) {}

    /// Checks a `resource` block. Values may be unknown.
    async fn validate_resource_config(&self, request: ValidateRequest) -> Vec<Diagnostic> {
        let _ = request;
        Vec::new()
    }

    /// Checks a `data` block. Values may be unknown.
    async fn validate_data_config(&self, request: ValidateRequest) -> Vec<Diagnostic> {
        let _ = request;
        Vec::new()
    }

    /// Checks an `ephemeral` block. Values may be unknown.
    async fn validate_ephemeral_config(&self, request: ValidateRequest) -> Vec<Diagnostic> {
        let _ = request;
        Vec::new()
    }

    /// Brings stored state to the current schema. Asked for every resource, upgraded or not.
    ///
    /// As it stands, state of the current version is read, and of another one refused.
    async fn upgrade_resource_state(&self, request: UpgradeRequest) -> UpgradeResponse {
        if request.version == request.schema.version {
            return request.state.decode(&request.schema).into();
        }
        UpgradeResponse::error(Diagnostic::error(
            "State of another version",
            format!(
                "The state of this `{}` has version {}; this provider reads version {} only.",
                request.type_name, request.version, request.schema.version
            ),
        ))
    }

    /// Reads a resource as it is now.
    async fn read_resource(&self, request: ReadRequest) -> ReadResponse;

    /// Says what a change would come to.
    async fn plan_resource_change(&self, request: PlanRequest) -> PlanResponse;

    /// Makes a planned change.
    async fn apply_resource_change(&self, request: ApplyRequest) -> ApplyResponse;

    /// Finds a resource by its import id. It is read afterwards.
    async fn import_resource_state(&self, request: ImportRequest) -> ImportResponse {
        ImportResponse::error(not_offered(&request.type_name, "cannot be imported"))
    }

    /// Takes over state of another resource type, for a `moved` block.
    async fn move_resource_state(&self, request: MoveRequest) -> MoveResponse {
        let from = format!("cannot take over the state of `{}`", request.source_type_name);
        MoveResponse::error(not_offered(&request.target_type_name, &from))
    }

    /// Reads a data source.
    async fn read_data_source(&self, request: ReadDataRequest) -> ReadDataResponse {
        ReadDataResponse::error(not_offered(&request.type_name, "is no data source of this provider"))
    }

    /// Opens an ephemeral resource.
    async fn open_ephemeral(&self, request: OpenRequest) -> OpenResponse {
        OpenResponse::error(not_offered(&request.type_name, "is no ephemeral resource of this provider"))
    }

    /// Extends an ephemeral resource, at the time its [`OpenResponse::renew_at`] named.
    async fn renew_ephemeral(&self, request: EphemeralRequest) -> RenewResponse {
        RenewResponse::error(not_offered(&request.type_name, "cannot be renewed"))
    }

    /// Gives up an ephemeral resource. As it stands, there is nothing to give up.
    async fn close_ephemeral(&self, request: EphemeralRequest) -> Vec<Diagnostic> {
        let _ = request;
        Vec::new()
    }

    /// Calls a function.
    ///
    /// # Errors
    /// Whatever the function finds wrong with its arguments.
    async fn call_function(&self, request: CallRequest) -> Result<Value, FunctionError> {
        Err(FunctionError::new(format!("this provider has no function `{}`", request.name)))
    }
}

fn not_offered(type_name: &str, what: &str) -> Diagnostic {
    Diagnostic::error("Not supported", format!("`{type_name}` {what}."))
}

/// What the client can do beyond the base protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// [`Deferred`] answers are understood. Terraform 1.11 says so while applying, too; do not defer for that.
    pub deferral_allowed: bool,
    /// Write-only attributes are understood.
    pub write_only_attributes_allowed: bool,
}

/// Why a change is put off to a later run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// Parts of the resource's configuration are unknown.
    ResourceConfigUnknown,
    /// Parts of the provider's configuration are unknown.
    ProviderConfigUnknown,
    /// Something it stands on is not there yet.
    AbsentPrerequisite,
}

/// The provider block.
pub struct ConfigureRequest {
    /// The client's version, `1.11.4`.
    pub terraform_version: String,
    /// The block.
    pub config: Value,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// A block to check.
pub struct ValidateRequest {
    /// `vault_policy`
    pub type_name: String,
    /// The block; write-only attributes are in it.
    pub config: Value,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// State as it was stored, by any version of the provider or by another one.
#[derive(Clone, PartialEq, Eq)]
pub enum RawState {
    /// A JSON object.
    Json(Vec<u8>),
    /// The form of Terraform 0.11 and older: no types, and lists as `name.0`, `name.#`.
    Flatmap(BTreeMap<String, String>),
}

impl RawState {
    /// Reads it by a schema. What it lacks is null, or empty for a nested block; what it has too much is left out
    /// and listed; write-only attributes are null.
    ///
    /// # Errors
    /// If it is a flat map, no JSON, or a part has another type.
    pub fn decode(&self, schema: &Schema) -> Result<json::Decoded, CodecError> {
        let RawState::Json(text) = self else {
            return Err(CodecError::new(
                "the state was written by Terraform 0.11 or older; hint: `terraform apply` it once with the \
                 provider version that wrote it, under Terraform 0.12 or later",
            ));
        };
        let decoded = json::decode(text, &schema.block.implied_type())?;
        let value = schema.block.null_write_only(schema.block.complete(decoded.value));
        Ok(json::Decoded { value, ..decoded })
    }
}

/// Stored state to bring to the current schema.
pub struct UpgradeRequest {
    /// `vault_policy`
    pub type_name: String,
    /// The schema version it was stored with.
    pub version: i64,
    /// What was stored.
    pub state: RawState,
    /// The current schema.
    pub schema: Arc<Schema>,
}

/// State that fits the current schema.
#[derive(Clone, Default)]
pub struct UpgradeResponse {
    /// The state.
    pub state: Option<Value>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// Attributes that the schema no longer has are left out without a word, as every provider does.
impl From<Result<json::Decoded, CodecError>> for UpgradeResponse {
    fn from(decoded: Result<json::Decoded, CodecError>) -> UpgradeResponse {
        match decoded {
            Ok(decoded) => UpgradeResponse { state: Some(decoded.value), diagnostics: Vec::new() },
            Err(error) => UpgradeResponse::error(
                Diagnostic::error("Stored state cannot be read", format!("{error}.")).at(error.path()),
            ),
        }
    }
}

/// A resource to read.
pub struct ReadRequest {
    /// `vault_policy`
    pub type_name: String,
    /// As last known.
    pub current_state: Value,
    /// What the provider last put by for itself.
    pub private: Vec<u8>,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// A resource as it is.
#[derive(Clone, Default)]
pub struct ReadResponse {
    /// As it is now; null if it has gone, none if that could not be found out.
    pub new_state: Option<Value>,
    /// What the provider puts by for itself; none keeps what is there.
    pub private: Option<Vec<u8>>,
    /// Why it cannot be read yet.
    pub deferred: Option<Deferred>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A change to plan. Of the three values, null prior means create, null proposed means destroy.
pub struct PlanRequest {
    /// `vault_policy`
    pub type_name: String,
    /// The state to change.
    pub prior_state: Value,
    /// Configuration, with prior values for what is computed and not configured. Write-only attributes are null.
    pub proposed_new_state: Value,
    /// The block; write-only attributes are in it.
    pub config: Value,
    /// What the provider last put by for itself.
    pub prior_private: Vec<u8>,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// What a change comes to.
#[derive(Clone, Default)]
pub struct PlanResponse {
    /// The state it would leave; unknown for what only the change can tell. None with an error.
    pub planned_state: Option<Value>,
    /// Attributes whose change needs another resource in its place. Terraform ignores paths that do not exist.
    pub requires_replace: Vec<AttributePath>,
    /// What apply is to know, and the provider puts by for itself; none keeps what is there.
    pub planned_private: Option<Vec<u8>>,
    /// Whether differences between plan and configuration are only logged, as for providers built on the first
    /// SDK. Meant for their state, and for nothing else.
    pub legacy_type_system: bool,
    /// Why it cannot be planned yet.
    pub deferred: Option<Deferred>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A planned change to make.
pub struct ApplyRequest {
    /// `vault_policy`
    pub type_name: String,
    /// The state to change; null to create.
    pub prior_state: Value,
    /// What was planned; null to destroy.
    pub planned_state: Value,
    /// The block; the only place with the values of write-only attributes.
    pub config: Value,
    /// What the plan put by.
    pub planned_private: Vec<u8>,
}

/// What a change came to.
#[derive(Clone, Default)]
pub struct ApplyResponse {
    /// What exists now, also beside an error: Terraform stores it, and marks it tainted if it was being created.
    /// None leaves the state as it was.
    pub new_state: Option<Value>,
    /// What the provider puts by for itself; none keeps what the plan put by.
    pub private: Option<Vec<u8>>,
    /// As in [`PlanResponse::legacy_type_system`].
    pub legacy_type_system: bool,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A resource to find.
pub struct ImportRequest {
    /// `vault_policy`
    pub type_name: String,
    /// What the user wrote.
    pub id: String,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// What was found.
#[derive(Clone, Default)]
pub struct ImportResponse {
    /// The resources; empty only with an error.
    pub imported: Vec<ImportedResource>,
    /// Why it cannot be imported yet.
    pub deferred: Option<Deferred>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A resource found by its import id.
#[derive(Clone)]
pub struct ImportedResource {
    /// `vault_policy`
    pub type_name: String,
    /// At least what reading it needs.
    pub state: Value,
    /// What the provider puts by for itself.
    pub private: Vec<u8>,
}

/// State of another type to take over.
pub struct MoveRequest {
    /// `registry.terraform.io/hashicorp/vault`
    pub source_provider_address: String,
    /// The type it was.
    pub source_type_name: String,
    /// The schema version it was stored with.
    pub source_schema_version: i64,
    /// What was stored.
    pub source_state: RawState,
    /// What the other provider had put by for itself.
    pub source_private: Vec<u8>,
    /// The type it becomes.
    pub target_type_name: String,
    /// The schema of the type it becomes.
    pub target_schema: Arc<Schema>,
}

/// State taken over.
#[derive(Clone, Default)]
pub struct MoveResponse {
    /// The state; none with an error.
    pub target_state: Option<Value>,
    /// What the provider puts by for itself.
    pub target_private: Vec<u8>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A data source to read.
pub struct ReadDataRequest {
    /// `vault_policy_document`
    pub type_name: String,
    /// The block.
    pub config: Value,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// What a data source holds.
#[derive(Clone, Default)]
pub struct ReadDataResponse {
    /// The configuration, with what was computed; none with an error.
    pub state: Option<Value>,
    /// Why it cannot be read yet.
    pub deferred: Option<Deferred>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// An ephemeral resource to open.
pub struct OpenRequest {
    /// `vault_kv_secret_v2`
    pub type_name: String,
    /// The block.
    pub config: Value,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
}

/// An open ephemeral resource.
#[derive(Clone, Default)]
pub struct OpenResponse {
    /// The configuration, with what was computed; none with an error.
    pub result: Option<Value>,
    /// When it needs renewing, if it does and the run still lasts.
    pub renew_at: Option<SystemTime>,
    /// What renewing and closing are to know.
    pub private: Option<Vec<u8>>,
    /// Why it cannot be opened yet.
    pub deferred: Option<Deferred>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// An ephemeral resource to renew or close.
pub struct EphemeralRequest {
    /// `vault_kv_secret_v2`
    pub type_name: String,
    /// What was put by when it was opened or last renewed.
    pub private: Option<Vec<u8>>,
}

/// A renewed ephemeral resource.
#[derive(Clone, Default)]
pub struct RenewResponse {
    /// When it needs renewing again.
    pub renew_at: Option<SystemTime>,
    /// What renewing again and closing are to know.
    pub private: Option<Vec<u8>>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A function call.
pub struct CallRequest {
    /// The function.
    pub name: String,
    /// Arguments by position, those of the variadic parameter at the end.
    pub arguments: Vec<Value>,
}

/// What a function finds wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Sentences.
    pub text: String,
    /// The argument at fault, counted from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error of the call as a whole.
    pub fn new(text: impl Into<String>) -> FunctionError {
        FunctionError { text: text.into(), argument: None }
    }

    /// An error of one argument, counted from 0.
    pub fn argument(position: usize, text: impl Into<String>) -> FunctionError {
        FunctionError { text: text.into(), argument: Some(position) }
    }
}

/// Gives each answer a constructor for a lone error.
macro_rules! error_answers {
    ($($response:ident),* $(,)?) => {$(
        impl $response {
            /// An answer that is this error and nothing else.
            pub fn error(diagnostic: Diagnostic) -> $response {
                $response { diagnostics: vec![diagnostic], ..$response::default() }
            }
        }
    )*};
}

error_answers!(
    UpgradeResponse,
    ReadResponse,
    PlanResponse,
    ApplyResponse,
    ImportResponse,
    MoveResponse,
    ReadDataResponse,
    OpenResponse,
    RenewResponse,
);
