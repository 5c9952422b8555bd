//! The calls of the protocol, for any kind.

use std::sync::OnceLock;

use client::{Client, Effect, Environment, Outcome, Product};
use schemas::{
    Class, Diagnostic, Field, Kind, Operation, Presence, Record, Shape, States, Value, check, kinds,
};
use tf_provider_sdk as tf;
use tf_provider_sdk::{AttributePath, async_trait};

use crate::{block::ProviderBlock, convert, failure, plan, schema, settings, unshown};

/// The provider.
pub struct VaultProvider {
    environment: Environment,
    /// Set by `configure`: a client that has not connected, or why there is none. Which of the two matters only
    /// when something is to be sent, since a plan may need nothing from the server.
    client: OnceLock<Result<Client, Diagnostic>>,
}

impl Default for VaultProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl VaultProvider {
    /// A provider that is not configured yet.
    pub fn new() -> Self {
        Self::with_environment(Environment::of_process())
    }

    /// The same with an environment of its own.
    fn with_environment(environment: Environment) -> Self {
        Self { environment, client: OnceLock::new() }
    }

    fn client(&self) -> Result<&Client, tf::Diagnostic> {
        match self.client.get() {
            Some(Ok(client)) => Ok(client),
            Some(Err(found)) => Err(failure::diagnostic(found)),
            None => Err(tf::Diagnostic::error("The provider is not configured", "")),
        }
    }

    async fn run(
        &self,
        kind: &Kind,
        record: &Record,
        operation: Operation<'_>,
    ) -> Result<Outcome, tf::Diagnostic> {
        self.attempt(kind, record, operation).await.map_err(|failed| failed.diagnostic)
    }

    async fn attempt(
        &self,
        kind: &Kind,
        record: &Record,
        operation: Operation<'_>,
    ) -> Result<Outcome, Failed> {
        let client = self.client().map_err(|diagnostic| Failed { diagnostic, effect: Effect::Nothing })?;
        let outcome = client.run(kind, record.text("namespace"), &operation).await;
        outcome.map_err(|failure| Failed {
            diagnostic: failure::of_conversation(&failure),
            effect: failure.effect,
        })
    }

    async fn apply(
        &self,
        kind: &Kind,
        request: &tf::ApplyRequest,
    ) -> Result<tf::Value, (tf::Value, tf::Diagnostic)> {
        let prior = (!request.prior_state.is_null()).then(|| {
            let config = convert::record(kind, &request.config);
            let prior = convert::record(kind, &request.prior_state);
            unshown::completed(kind, prior, &config, &request.planned_private)
        });
        if request.planned_state.is_null() {
            let prior = prior.unwrap_or_default();
            let deleted = self.run(kind, &prior, Operation::Delete { prior: &prior }).await;
            return deleted.map(|_| tf::Value::Null).map_err(|error| (request.prior_state.clone(), error));
        }
        let desired = desired(kind, &request.planned_state, &request.config);
        let changed = prior.as_ref().map(|prior| without_undeclared(kind, prior, &desired, &request.config));
        let operation = match (&prior, &changed) {
            (Some(prior), Some(desired)) => Operation::Update { prior, desired },
            _ => Operation::Create { desired: &desired },
        };
        match self.attempt(kind, &desired, operation).await {
            Ok(Outcome::Object(read)) => Ok(convert::object(kind, &as_planned(kind, &desired, read, false))),
            Ok(Outcome::Unseen(known)) => Ok(convert::object(kind, &as_planned(kind, &desired, known, true))),
            Ok(Outcome::Gone) => Err((request.prior_state.clone(), vanished(kind))),
            // Nothing was written, as far as is known: what stands there may be somebody else's, and must not come
            // into the state, from where the next run would destroy it.
            Err(failed) if prior.is_none() && failed.effect < Effect::Something => {
                Err((tf::Value::Null, failed.diagnostic))
            }
            Err(failed) => {
                let places = places(kind, prior.as_ref(), &desired, failed.effect);
                Err((self.what_remains(kind, &places, request).await, failed.diagnostic))
            }
        }
    }

    /// A field that the server cannot have fails at plan, not with a warning of the server's at apply.
    async fn refuse_unknown(&self, kind: &Kind, config: &Record) -> Result<(), tf::Diagnostic> {
        let is_set = |field: &&Field| {
            (field.enterprise || field.openbao) && !kind.same(field, config.get(field.name), &Value::Null)
        };
        let fields: Vec<_> = kind.fields().filter(is_set).collect();
        if fields.is_empty() {
            return Ok(());
        }
        let product = self.client()?.product().await.map_err(|error| failure::of_client(&error))?;
        let refused = fields.into_iter().find_map(|field| Some((field, stranger(field, product)?)));
        refused.map_or(Ok(()), |(field, owner)| {
            let found = Diagnostic::error(format!("`{}` is a feature of {owner}", field.name))
                .because(format!("the server says it is {product}"))
                .hint("remove the argument")
                .at_field(field.name);
            Err(failure::diagnostic(&found))
        })
    }

    /// What exists after a failure: what is found first at one of `places`, or what was there before.
    async fn what_remains(&self, kind: &Kind, places: &[Record], request: &tf::ApplyRequest) -> tf::Value {
        for known in places {
            let known = &kind.asked_in_full(known);
            let read = self.run(kind, known, Operation::Read { prior: known }).await;
            match read {
                Ok(Outcome::Object(record) | Outcome::Unseen(record)) => {
                    return convert::object(kind, &record);
                }
                Ok(Outcome::Gone) => {}
                Err(_) => break,
            }
        }
        request.prior_state.clone()
    }
}

/// Why a conversation failed.
struct Failed {
    diagnostic: tf::Diagnostic,
    /// What was written before.
    effect: Effect,
}

/// What is wanted: the plan without its open places, with the write-only values of the configuration.
fn desired(kind: &Kind, planned: &tf::Value, config: &tf::Value) -> Record {
    let mut desired = convert::record(kind, &planned.clone().unknown_as_null());
    let config = convert::record(kind, config);
    for field in kind.fields().filter(|field| field.is_write_only()) {
        desired.set(field.name, config.get(field.name).clone());
    }
    desired
}

/// `desired` without what the configuration leaves to the server and what stays as it was: a write would bring it back
/// if somebody changed it since the state was read. (Where a write replaces the whole object, it is sent nevertheless.)
fn without_undeclared(kind: &Kind, prior: &Record, desired: &Record, config: &tf::Value) -> Record {
    let (mut changed, config) = (desired.clone(), convert::record(kind, config));
    // Elsewhere Terraform would not have another value than the planned one.
    let fields = kind.fields().filter(|_| kind.states == States::Legacy).filter(is_left);
    for field in fields.filter(|field| config.get(field.name).is_null()) {
        if kind.same(field, prior.get(field.name), desired.get(field.name)) {
            changed.set(field.name, Value::Null);
        }
    }
    changed
}

/// True if the server fills in the field where nobody configures it, shows it, and can be told another value.
fn is_left(field: &&Field) -> bool {
    let is_view = matches!(field.shape, Shape::List(Shape::Object(_)));
    let is_told = field.at.is_some() && field.readable && !field.key && !field.replaces && !field.create_only;
    field.presence == Presence::Filled && is_told && !is_view
}

/// `record` as it was planned, where that means the same, or where `is_unseen` and nothing else is known.
fn as_planned(kind: &Kind, desired: &Record, mut record: Record, is_unseen: bool) -> Record {
    for field in kind.fields().filter(is_left) {
        let planned = desired.get(field.name);
        if is_unseen || (!planned.is_null() && kind.same(field, planned, record.get(field.name))) {
            record.set(field.name, planned.clone());
        }
    }
    record
}

/// Where an object may be after a failure: the old one; what a half-done creation left; or, if anything was written,
/// the old one under its new name, since a mount may be moved and then refuse the rest. A new name at which nothing
/// was written is somebody else's; if that is not known, then as long as the old one is still there.
fn places(kind: &Kind, prior: Option<&Record>, desired: &Record, effect: Effect) -> Vec<Record> {
    let Some(prior) = prior else { return vec![desired.clone()] };
    let keys = || kind.fields().filter(|field| field.key);
    let is_moved = keys().any(|key| !kind.same(key, prior.get(key.name), desired.get(key.name)));
    let mut moved = prior.clone();
    for name in keys().map(|key| key.name).chain(["id"]) {
        moved.set(name, desired.get(name).clone());
    }
    match effect {
        Effect::Something if is_moved => vec![moved, prior.clone()],
        Effect::Unknown if is_moved => vec![prior.clone(), moved],
        _ => vec![prior.clone()],
    }
}

/// Whose feature `field` is, if the server is known to be of another make.
fn stranger(field: &Field, product: &Product) -> Option<&'static str> {
    let is_vault = matches!(product, Product::Vault(_) | Product::VaultEnterprise(_));
    let is_enterprise = matches!(product, Product::VaultEnterprise(_) | Product::Unknown);
    match (field.enterprise, field.openbao) {
        (true, _) if !is_enterprise => Some("Vault Enterprise"),
        (_, true) if is_vault => Some("OpenBao"),
        _ => None,
    }
}

fn vanished(kind: &Kind) -> tf::Diagnostic {
    let text = format!("The `{}` was written and is not there.", kind.terraform_name());
    tf::Diagnostic::error("Written object is missing", text)
}

fn find(class: Class, type_name: &str) -> Result<&'static Kind, tf::Diagnostic> {
    let name = type_name.strip_prefix("vault_").unwrap_or(type_name);
    kinds::find(class, name)
        .ok_or_else(|| tf::Diagnostic::error("Unknown type", format!("This provider has no `{type_name}`.")))
}

fn checked(class: Class, request: &tf::ValidateRequest) -> Vec<tf::Diagnostic> {
    match find(class, &request.type_name) {
        Ok(kind) => {
            let mut config = convert::record(kind, &request.config);
            config.take("id");
            let found = check::check(kind, &config).into_iter().map(|found| hinted(kind, &config, found));
            found.map(|found| failure::diagnostic(&found)).collect()
        }
        Err(error) => vec![error],
    }
}

/// What is missing where a secret belongs may be what Terraform left out: it writes no secret into a configuration
/// that it generates, and asks for no value instead.
fn hinted(kind: &Kind, config: &Record, found: schemas::Diagnostic) -> schemas::Diagnostic {
    let field = match &found.place {
        Some(schemas::Place::Field(name)) => kind.field(name),
        _ => None,
    };
    let is_missing = |field: &&schemas::Field| field.is_hidden() && config.get(field.name).is_null();
    let Some(field) = field.filter(|field| found.is_error() && is_missing(field)) else { return found };
    let names = std::iter::once(&field.name).chain(field.one_of).map(|name| format!("`{name}`"));
    let names = names.collect::<Vec<_>>().join(" or ");
    found.hint(format!(
        "a configuration that Terraform generates lacks its secrets; give {names} there, such as from a variable, and \
         plan again"
    ))
}

#[async_trait]
impl tf::Provider for VaultProvider {
    fn schema(&self) -> tf::ProviderSchema {
        schema::provider()
    }

    async fn configure(&self, request: tf::ConfigureRequest) -> Vec<tf::Diagnostic> {
        let block =
            convert::block_record(<ProviderBlock as schemas::shape::Declared>::PARTS, &request.config);
        let settings = settings::settings(&block, &self.environment);
        let client = settings.map(|(settings, credentials)| Client::new(settings, credentials));
        // A second `configure` cannot happen: Terraform starts a process for each provider block.
        let _ = self.client.set(client);
        settings::warnings(&block, &self.environment).iter().map(failure::diagnostic).collect()
    }

    async fn shutdown(&self) {
        if let Some(Ok(client)) = self.client.get() {
            client.close().await;
        }
    }

    async fn validate_resource_config(&self, request: tf::ValidateRequest) -> Vec<tf::Diagnostic> {
        checked(Class::Resource, &request)
    }

    async fn validate_data_config(&self, request: tf::ValidateRequest) -> Vec<tf::Diagnostic> {
        checked(Class::Data, &request)
    }

    async fn validate_ephemeral_config(&self, request: tf::ValidateRequest) -> Vec<tf::Diagnostic> {
        checked(Class::Ephemeral, &request)
    }

    async fn upgrade_resource_state(&self, request: tf::UpgradeRequest) -> tf::UpgradeResponse {
        if request.version > request.schema.version {
            return tf::UpgradeResponse::error(tf::Diagnostic::error(
                "State of a newer provider",
                format!("The state of this `{}` has version {}.", request.type_name, request.version),
            ));
        }
        // Older versions of these types differ by attributes that have gone, and by ones that read as null.
        request.state.decode(&request.schema).into()
    }

    async fn read_resource(&self, request: tf::ReadRequest) -> tf::ReadResponse {
        let kind = match find(Class::Resource, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::ReadResponse::error(error),
        };
        let prior = kind.asked_in_full(&convert::record(kind, &request.current_state));
        let asked = unshown::asked(kind, &prior);
        let (new_state, unshown) = match self.run(kind, &asked, Operation::Read { prior: &asked }).await {
            Ok(Outcome::Object(record) | Outcome::Unseen(record)) => {
                let (record, unshown) = unshown::parted(kind, &prior, record);
                (convert::object(kind, &record), unshown)
            }
            Ok(Outcome::Gone) => (tf::Value::Null, Value::Null),
            Err(error) => return tf::ReadResponse::error(error),
        };
        let private = unshown::private(&request.private, unshown);
        tf::ReadResponse { new_state: Some(new_state), private, ..tf::ReadResponse::default() }
    }

    async fn plan_resource_change(&self, request: tf::PlanRequest) -> tf::PlanResponse {
        let kind = match find(Class::Resource, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::PlanResponse::error(error),
        };
        if request.proposed_new_state.is_null() {
            return tf::PlanResponse { planned_state: Some(tf::Value::Null), ..tf::PlanResponse::default() };
        }
        let config = convert::record(kind, &request.config);
        let prior = (!request.prior_state.is_null()).then(|| {
            let prior = convert::record(kind, &request.prior_state);
            unshown::completed(kind, prior, &config, &request.prior_private)
        });
        if let Err(error) = self.refuse_unknown(kind, &config).await {
            return tf::PlanResponse::error(error);
        }
        let planned = plan::plan(kind, prior.as_ref(), &config);
        let refused = prior.as_ref().and_then(|prior| kind.behavior.refuses(kind, prior, &planned.record));
        if let Some(refused) = refused.filter(|_| planned.changes && planned.replaces.is_empty()) {
            return tf::PlanResponse::error(failure::diagnostic(&refused));
        }
        let unshown = unshown::warnings(kind, &config, &request.prior_private);
        let planned_state = if planned.changes {
            convert::object(kind, &planned.record)
        } else {
            request.prior_state.clone()
        };
        tf::PlanResponse {
            planned_state: Some(planned_state),
            requires_replace: planned.replaces.into_iter().map(AttributePath::attribute).collect(),
            legacy_type_system: kind.states == States::Legacy,
            diagnostics: unshown.iter().map(failure::diagnostic).collect(),
            ..tf::PlanResponse::default()
        }
    }

    async fn apply_resource_change(&self, request: tf::ApplyRequest) -> tf::ApplyResponse {
        let kind = match find(Class::Resource, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::ApplyResponse::error(error),
        };
        let (new_state, diagnostics) = match self.apply(kind, &request).await {
            Ok(state) => (state, Vec::new()),
            Err((state, error)) => (state, vec![error]),
        };
        tf::ApplyResponse {
            new_state: Some(new_state),
            // What was seen before it says nothing of it now.
            private: unshown::private(&request.planned_private, Value::Null),
            legacy_type_system: kind.states == States::Legacy,
            diagnostics,
        }
    }

    async fn import_resource_state(&self, request: tf::ImportRequest) -> tf::ImportResponse {
        let kind = match find(Class::Resource, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::ImportResponse::error(error),
        };
        let Some(mut record) = kind.behavior.import(kind, &request.id) else {
            return tf::ImportResponse::error(failure::diagnostic(&not_importable(kind, &request.id)));
        };
        let namespace = self.environment.text("TERRAFORM_VAULT_NAMESPACE_IMPORT");
        if let (true, Some(namespace)) = (record.get("namespace").is_null(), namespace) {
            record.set("namespace", namespace);
        }
        if record.get("id").is_null() {
            record.set("id", request.id.as_str());
        }
        let state = convert::object(kind, &record);
        let imported = tf::ImportedResource { type_name: request.type_name, state, private: Vec::new() };
        tf::ImportResponse { imported: vec![imported], ..tf::ImportResponse::default() }
    }

    async fn read_data_source(&self, request: tf::ReadDataRequest) -> tf::ReadDataResponse {
        let kind = match find(Class::Data, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::ReadDataResponse::error(error),
        };
        let config = with_defaults(kind, convert::record(kind, &request.config));
        match self.run_data(kind, &config).await {
            Ok(record) => tf::ReadDataResponse {
                state: Some(convert::object(kind, &record)),
                ..tf::ReadDataResponse::default()
            },
            Err(error) => tf::ReadDataResponse::error(error),
        }
    }

    async fn open_ephemeral(&self, request: tf::OpenRequest) -> tf::OpenResponse {
        let kind = match find(Class::Ephemeral, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return tf::OpenResponse::error(error),
        };
        let config = with_defaults(kind, convert::record(kind, &request.config));
        match self.run(kind, &config, Operation::Open { config: &config }).await {
            Ok(Outcome::Object(record) | Outcome::Unseen(record)) => {
                let value = convert::object(kind, &record);
                // Closing needs what opening got; private data lives in this run only.
                let private = schemas::json::render(&record.into_value()).into_bytes();
                tf::OpenResponse {
                    result: Some(value),
                    private: Some(private),
                    ..tf::OpenResponse::default()
                }
            }
            Ok(Outcome::Gone) => tf::OpenResponse::error(nothing_there(kind, &config)),
            Err(error) => tf::OpenResponse::error(error),
        }
    }

    async fn close_ephemeral(&self, request: tf::EphemeralRequest) -> Vec<tf::Diagnostic> {
        let kind = match find(Class::Ephemeral, &request.type_name) {
            Ok(kind) => kind,
            Err(error) => return vec![error],
        };
        let text = String::from_utf8_lossy(request.private.as_deref().unwrap_or_default());
        let opened =
            schemas::json::parse(&text).ok().and_then(|value| value.as_map().cloned()).map(Record::from);
        let opened = opened.unwrap_or_default();
        match self.run(kind, &opened, Operation::Close { opened: &opened }).await {
            Ok(_) => Vec::new(),
            Err(error) => vec![error],
        }
    }
}

impl VaultProvider {
    async fn run_data(&self, kind: &'static Kind, config: &Record) -> Result<Record, tf::Diagnostic> {
        // A data source that asks nothing needs no server.
        if let schemas::Step::Done(record) = kind.next(&Operation::Read { prior: config }, &[]) {
            return Ok(record);
        }
        match self.run(kind, config, Operation::Read { prior: config }).await? {
            Outcome::Object(record) | Outcome::Unseen(record) => Ok(record),
            Outcome::Gone => Err(nothing_there(kind, config)),
        }
    }
}

fn with_defaults(kind: &Kind, mut config: Record) -> Record {
    for field in kind.fields() {
        if let (Value::Null, Some(default)) = (config.get(field.name), field.default) {
            config.set(field.name, default);
        }
    }
    config
}

fn nothing_there(kind: &Kind, config: &Record) -> tf::Diagnostic {
    let keys = kind.fields().filter(|field| field.key || field.presence == schemas::Presence::Required);
    let shown: Vec<_> = keys
        .filter(|field| !field.is_hidden())
        .filter_map(|field| Some(format!("{} = \"{}\"", field.name, config.get(field.name).as_str()?)))
        .collect();
    tf::Diagnostic::error(
        "No such object",
        format!("There is no object for `{}` with {} (yet).", kind.terraform_name(), shown.join(", ")),
    )
}

fn not_importable(kind: &Kind, id: &str) -> Diagnostic {
    if kind.imports.is_empty() {
        return Diagnostic::error(format!("`{}` cannot be imported", kind.terraform_name()));
    }
    let forms: Vec<_> = kind.imports.iter().map(|form| format!("`{}`", form.0)).collect();
    Diagnostic::error(format!("`{id}` is no import id of `{}`", kind.terraform_name()))
        .hint(format!("the id has the form {}", forms.join(" or ")))
}

#[cfg(test)]
mod tests;
