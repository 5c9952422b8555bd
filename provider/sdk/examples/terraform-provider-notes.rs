//! A provider of notes: small JSON files in a folder. Shows what a provider must do, and is what the tests of
//! this crate run Terraform with.
//!
//! - `notes_note`: a resource with a block list, a computed id, a write-only attribute, import; a note with the
//!   title `crash` makes the provider panic while reading it, one with the title `endless` takes until Terraform
//!   is interrupted
//! - `notes_folder`: a data source
//! - `notes_token`: an ephemeral resource
//! - `provider::notes::shout`: a function

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};
use tf_provider_sdk::{
    ApplyRequest, ApplyResponse, Attribute, AttributePath, Block, CallRequest, ConfigureRequest, Diagnostic,
    EphemeralRequest, Function, FunctionError, ImportRequest, ImportResponse, ImportedResource, NestedBlock,
    Nesting, OpenRequest, OpenResponse, Parameter, PlanRequest, PlanResponse, Provider, ProviderSchema,
    ReadDataRequest, ReadDataResponse, ReadRequest, ReadResponse, Schema, Type, ValidateRequest, Value,
    async_trait, serve,
};
use tokio::sync::Notify;

fn main() -> ExitCode {
    serve(Notes::default())
}

/// The provider.
#[derive(Default)]
pub(crate) struct Notes {
    folder: OnceLock<PathBuf>,
    stopped: Notify,
}

impl Notes {
    fn folder(&self) -> Result<&PathBuf, Diagnostic> {
        self.folder.get().ok_or_else(|| Diagnostic::error("Not configured", "The folder is not known yet."))
    }

    fn file(&self, title: &str) -> Result<PathBuf, Diagnostic> {
        Ok(self.folder()?.join(format!("{title}.json")))
    }

    /// Notes what the provider did, for the tests to read.
    fn journal(&self, line: &str) {
        if let Some(folder) = self.folder.get() {
            let path = folder.join("journal");
            let old = fs::read_to_string(&path).unwrap_or_default();
            fs::write(path, format!("{old}{line}\n")).expect("the journal can be written");
        }
    }
}

fn note_block() -> Block {
    let tag = Block { attributes: vec![Attribute::required("name", Type::String)], ..Block::default() };
    Block {
        attributes: vec![
            Attribute::computed("id", Type::String),
            Attribute::required("title", Type::String),
            Attribute::optional("text", Type::String),
            Attribute::optional("weight", Type::Number),
            Attribute::optional("anything", Type::Dynamic),
            Attribute { write_only: true, ..Attribute::optional("secret_wo", Type::String) },
            Attribute::computed("secret_length", Type::Number),
        ],
        blocks: vec![NestedBlock { name: "tag".into(), block: tag, nesting: Nesting::Set, min: 0, max: 0 }],
        description: "A note.".into(),
        deprecated: false,
    }
}

fn schema(attributes: Vec<Attribute>) -> Schema {
    Schema { version: 0, block: Block { attributes, ..Block::default() } }
}

fn trouble(error: io::Error) -> Diagnostic {
    Diagnostic::error("A note cannot be kept", error.to_string())
}

/// What is in a note's file.
fn stored(state: &Value, secret_length: &Value) -> Json {
    let tags = state.attribute("tag").elements().unwrap_or_default();
    json!({
        "text": state.attribute("text").as_str(),
        "weight": match state.attribute("weight") { Value::Number(number) => Some(number.to_string()), _ => None },
        "anything": match state.attribute("anything") {
            Value::Dynamic(_, value) => value.as_str().map(str::to_owned),
            _ => None,
        },
        "secret_length": secret_length.as_i64(),
        "tags": tags.iter().map(|tag| tag.attribute("name").as_str()).collect::<Vec<_>>(),
    })
}

/// The state of a note, from its file.
fn state(title: &str, json: &Json) -> Value {
    let text = |name: &str| json[name].as_str().map_or(Value::Null, Value::from);
    let tags = json["tags"].as_array().into_iter().flatten().filter_map(Json::as_str);
    Value::object([
        ("id", Value::string(format!("note/{title}"))),
        ("title", title.into()),
        ("text", text("text")),
        ("weight", json["weight"].as_str().and_then(|w| w.parse().ok()).map_or(Value::Null, Value::Number)),
        (
            "anything",
            json["anything"]
                .as_str()
                .map_or(Value::Null, |text| Value::Dynamic(Box::new(Type::String), Box::new(text.into()))),
        ),
        ("secret_wo", Value::Null),
        ("secret_length", json["secret_length"].as_i64().map_or(Value::Null, Value::from)),
        ("tag", Value::set(tags.map(|tag| Value::object([("name", tag.into())])))),
    ])
}

#[async_trait]
impl Provider for Notes {
    fn schema(&self) -> ProviderSchema {
        let shout = Function {
            parameters: vec![],
            variadic: Some(Parameter {
                name: "words".into(),
                ty: Type::String,
                allow_null: false,
                allow_unknown: false,
                description: String::new(),
            }),
            result: Type::String,
            summary: "Says it loud.".into(),
            description: String::new(),
            deprecation: String::new(),
        };
        let token = Attribute { sensitive: true, ..Attribute::computed("token", Type::String) };
        ProviderSchema {
            provider: schema(vec![Attribute::required("folder", Type::String)]),
            resources: BTreeMap::from([("notes_note".into(), Schema { version: 0, block: note_block() })]),
            data_sources: BTreeMap::from([(
                "notes_folder".into(),
                schema(vec![Attribute::computed("titles", Type::set(Type::String))]),
            )]),
            ephemerals: BTreeMap::from([(
                "notes_token".into(),
                schema(vec![Attribute::required("name", Type::String), token]),
            )]),
            functions: BTreeMap::from([("shout".into(), shout)]),
        }
    }

    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic> {
        let folder = request.config.attribute("folder").as_str().map(PathBuf::from).unwrap_or_default();
        // Terraform configures a process once.
        let _ = self.folder.set(folder);
        Vec::new()
    }

    async fn stop(&self) {
        self.journal("stop");
        self.stopped.notify_one();
    }

    async fn shutdown(&self) {
        self.journal("shutdown");
    }

    async fn validate_resource_config(&self, request: ValidateRequest) -> Vec<Diagnostic> {
        match request.config.attribute("title").as_str() {
            Some("") => {
                let diagnostic = Diagnostic::error("A note needs a title", "The title is empty.");
                vec![diagnostic.at(AttributePath::attribute("title"))]
            }
            _ => Vec::new(),
        }
    }

    async fn read_resource(&self, request: ReadRequest) -> ReadResponse {
        let title = request.current_state.attribute("title").as_str().unwrap_or_default().to_owned();
        assert_ne!(title, "crash", "asked to crash");
        match self.file(&title).map(fs::read_to_string) {
            Ok(Ok(text)) => {
                let json = serde_json::from_str(&text).expect("notes are JSON");
                ReadResponse { new_state: Some(state(&title, &json)), ..ReadResponse::default() }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                ReadResponse { new_state: Some(Value::Null), ..ReadResponse::default() }
            }
            Ok(Err(error)) => ReadResponse::error(trouble(error)),
            Err(diagnostic) => ReadResponse::error(diagnostic),
        }
    }

    async fn plan_resource_change(&self, request: PlanRequest) -> PlanResponse {
        let mut planned = request.proposed_new_state;
        let prior = request.prior_state;
        let create = prior.is_null() && !planned.is_null();
        let change = !planned.is_null() && planned != prior;
        if create {
            planned.set_attribute("id", Value::Unknown);
        }
        if create || change {
            planned.set_attribute("secret_length", Value::Unknown);
        }
        let renamed = change && !create && planned.attribute("title") != prior.attribute("title");
        let requires_replace = if renamed { vec![AttributePath::attribute("title")] } else { Vec::new() };
        PlanResponse {
            planned_state: Some(planned),
            requires_replace,
            planned_private: create.then(|| b"made here".to_vec()),
            ..PlanResponse::default()
        }
    }

    async fn apply_resource_change(&self, request: ApplyRequest) -> ApplyResponse {
        let destroy = request.planned_state.is_null();
        let named = if destroy { &request.prior_state } else { &request.planned_state };
        let title = named.attribute("title").as_str().unwrap_or_default().to_owned();
        let file = match self.file(&title) {
            Ok(file) => file,
            Err(diagnostic) => return ApplyResponse::error(diagnostic),
        };
        assert_eq!(request.planned_private, b"made here", "private bytes come along");
        if destroy {
            self.journal(&format!("delete {title}"));
            return match fs::remove_file(file) {
                Ok(()) => ApplyResponse { new_state: Some(Value::Null), ..ApplyResponse::default() },
                Err(error) => ApplyResponse::error(trouble(error)),
            };
        }
        let secret = request.config.attribute("secret_wo").as_str().map(|secret| secret.len() as i64);
        let json = stored(&request.planned_state, &secret.map_or(Value::Null, Value::from));
        self.journal(&format!("write {title}"));
        if title == "endless" {
            self.stopped.notified().await;
            return ApplyResponse::error(Diagnostic::error("Interrupted", "The note was not written."));
        }
        match fs::write(file, json.to_string()) {
            Ok(()) => ApplyResponse { new_state: Some(state(&title, &json)), ..ApplyResponse::default() },
            Err(error) => ApplyResponse::error(trouble(error)),
        }
    }

    async fn import_resource_state(&self, request: ImportRequest) -> ImportResponse {
        let Some(title) = request.id.strip_prefix("note/") else {
            let detail = format!("`{}` is not of the form `note/<title>`.", request.id);
            return ImportResponse::error(Diagnostic::error("Not the id of a note", detail));
        };
        let state = note_block().complete(Value::object([("title", title.into())]));
        let imported =
            vec![ImportedResource { type_name: request.type_name, state, private: b"made here".to_vec() }];
        ImportResponse { imported, ..ImportResponse::default() }
    }

    async fn read_data_source(&self, _: ReadDataRequest) -> ReadDataResponse {
        let titles = match self.folder().map(fs::read_dir) {
            Ok(Ok(entries)) => entries.filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                Some(Value::from(name.strip_suffix(".json")?))
            }),
            Ok(Err(error)) => return ReadDataResponse::error(trouble(error)),
            Err(diagnostic) => return ReadDataResponse::error(diagnostic),
        };
        let state = Some(Value::object([("titles", Value::set(titles))]));
        ReadDataResponse { state, ..ReadDataResponse::default() }
    }

    async fn open_ephemeral(&self, request: OpenRequest) -> OpenResponse {
        let mut result = request.config;
        let token = format!("token-of-{}", result.attribute("name").as_str().unwrap_or_default());
        result.set_attribute("token", token.clone().into());
        self.journal("open");
        OpenResponse { result: Some(result), private: Some(token.into_bytes()), ..OpenResponse::default() }
    }

    async fn close_ephemeral(&self, request: EphemeralRequest) -> Vec<Diagnostic> {
        let token = String::from_utf8(request.private.unwrap_or_default()).unwrap_or_default();
        self.journal(&format!("close {token}"));
        Vec::new()
    }

    async fn call_function(&self, request: CallRequest) -> Result<Value, FunctionError> {
        let words: Vec<&str> = request.arguments.iter().filter_map(Value::as_str).collect();
        match words.iter().position(|word| word.is_empty()) {
            Some(position) => Err(FunctionError::argument(position, "Silence cannot be shouted.")),
            None => Ok(format!("{}!", words.join(" ").to_uppercase()).into()),
        }
    }
}
