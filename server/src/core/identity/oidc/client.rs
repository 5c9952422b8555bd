//! `identity/oidc/client`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, List, Seconds};
use serde::Serialize;

use super::keyring::DAY;
use super::record::{AssignmentRecord, ClientRecord, ClientSecret, ClientType, DEFAULT};
use super::{key, store};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::engine::fields::distinct;
use crate::core::identity::engine::shown;
use crate::core::identity::store::Store;
use crate::core::request::ClientToken;
use crate::core::response::Response;
use crate::core::token::random_letters;
use crate::handler;

/// Applications that people sign in at.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/client")
        .about("Names of the clients of OIDC providers.")
        .fields(&[])
        .list(handler!(list)),
    Route::new("oidc/client/{name}")
        .about("One client of OIDC providers.")
        .fields(ClientFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

const ID_LENGTH: usize = 32;
const SECRET_LENGTH: usize = 64;
const SECRET_PREFIX: &str = "hvo_secret_";

/// What a client may be given.
#[derive(schemas::Fields)]
struct ClientFields {
    /// Name of the client.
    name: Option<String>,
    /// Where people may be sent back to.
    redirect_uris: Option<List<String>>,
    /// Assignments whose members may sign in.
    assignments: Option<List<String>>,
    /// Name of the key that signs; stays as it is.
    key: Option<String>,
    /// How long ID tokens live.
    id_token_ttl: Option<Seconds>,
    /// How long access tokens live.
    access_token_ttl: Option<Seconds>,
    /// `confidential` or `public`; stays as it is.
    client_type: Option<String>,
    /// Whether people may sign in.
    authorization_code: Option<bool>,
    /// Whether it may have tokens for itself.
    client_credentials: Option<bool>,
}

/// A client as answers show it.
#[derive(Serialize)]
struct Shown<'a> {
    access_token_ttl: u64,
    assignments: &'a [String],
    authorization_code: bool,
    client_credentials: bool,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    client_type: &'static str,
    id_token_ttl: u64,
    key: &'a str,
    redirect_uris: &'a [String],
}

/// `client` without its secret.
fn show(client: &ClientRecord) -> Shown<'_> {
    Shown {
        access_token_ttl: client.access_token_ttl,
        assignments: &client.assignments,
        authorization_code: client.authorization_code,
        client_credentials: client.client_credentials,
        client_id: &client.client_id,
        client_secret: None,
        client_type: client.client_type.as_str(),
        id_token_ttl: client.id_token_ttl,
        key: &client.key,
        redirect_uris: &client.redirect_uris,
    }
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<ClientRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let all: BTreeMap<String, ClientRecord> = store::all(&Store::of(cx)).await?.into_iter().collect();
    let key_info: BTreeMap<String, Shown<'_>> =
        all.iter().map(|(name, client)| (name.clone(), show(client))).collect();
    shown::list(&all.keys().cloned().collect::<Vec<_>>(), &key_info)
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let client: ClientRecord = store::named(cx).await?;
    let is_confidential = client.client_type == ClientType::Confidential;
    let client_secret = is_confidential.then(|| client.client_secret.0.expose());
    Response::data(&Shown { client_secret, ..show(&client) })
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: ClientFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let known: Option<ClientRecord> = store::load(&store, name).await?;
    let is_new = known.is_none();
    let mut client = known.unwrap_or_else(new);
    let items =
        |given: Option<List<String>>, known: Vec<String>| distinct(&given.map_or(known, |given| given.0));
    client.redirect_uris = items(fields.redirect_uris, client.redirect_uris);
    client.assignments = items(fields.assignments, client.assignments);
    require_assignments(&store, &client.assignments).await?;
    if let Some(key) = fields.key.filter(|key| *key != client.key) {
        client.key = Some(key).filter(|_| is_new).ok_or_else(|| unchangeable("key"))?;
    }
    let seconds = |given: Option<Seconds>, known: u64| given.map_or(known, |given| given.0.unsigned_abs());
    client.id_token_ttl = seconds(fields.id_token_ttl, client.id_token_ttl);
    require_key(cx, &client).await?;
    client.access_token_ttl = seconds(fields.access_token_ttl, client.access_token_ttl);
    client.authorization_code = fields.authorization_code.unwrap_or(client.authorization_code);
    client.client_credentials = fields.client_credentials.unwrap_or(client.client_credentials);
    if let Some(text) = fields.client_type {
        client.client_type = client_type(&text, Some(client.client_type).filter(|_| !is_new))?;
    }
    require_secret(&client)?;
    identify(&mut client);
    store::save(&store, name, &client)?;
    store.transaction.put_json(&id_key(&store, &client.client_id), name)?;
    Ok(Response::empty())
}

fn new() -> ClientRecord {
    ClientRecord {
        redirect_uris: Vec::new(),
        assignments: Vec::new(),
        key: DEFAULT.to_owned(),
        id_token_ttl: DAY,
        access_token_ttl: DAY,
        client_type: ClientType::default(),
        authorization_code: true,
        client_credentials: false,
        client_id: String::new(),
        client_secret: ClientSecret::default(),
    }
}

/// A client that has no secret cannot prove that it is itself.
fn require_secret(client: &ClientRecord) -> Result<(), Error> {
    match client.client_credentials && client.client_type != ClientType::Confidential {
        true => Err(Error::invalid("client_credentials=true is only allowed for client_type=confidential")),
        false => Ok(()),
    }
}

fn unchangeable(field: &str) -> Error {
    Error::invalid(format!("{field} modification is not allowed"))
}

async fn require_assignments(store: &Store<'_>, names: &[String]) -> Result<(), Error> {
    for name in names {
        let unknown = || Error::invalid(format!("assignment {name:?} does not exist"));
        store::load::<AssignmentRecord>(store, name).await?.ok_or_else(unknown)?;
    }
    Ok(())
}

/// Refuses a key that is not there, or verifies for a shorter time than ID tokens live.
async fn require_key(cx: &Context<'_>, client: &ClientRecord) -> Result<(), Error> {
    let unknown = || Error::invalid(format!("key {:?} does not exist", client.key));
    let key = key::usable(cx, &client.key).await?.ok_or_else(unknown)?;
    if client.id_token_ttl > key.verification_ttl {
        return Err(Error::invalid(
            "a client's id_token_ttl cannot be greater than the verification_ttl of the key it references",
        ));
    }
    Ok(())
}

fn client_type(text: &str, known: Option<ClientType>) -> Result<ClientType, Error> {
    match known {
        Some(known) if known.as_str() != text => Err(unchangeable("client_type")),
        _ => ClientType::of_name(text).ok_or_else(|| Error::invalid(format!("invalid client_type {text:?}"))),
    }
}

/// Gives a new client its id, and its secret if it can keep one.
fn identify(client: &mut ClientRecord) {
    if client.client_id.is_empty() {
        client.client_id = random_letters(ID_LENGTH);
    }
    if client.client_type == ClientType::Confidential && client.client_secret.0.is_empty() {
        let secret = format!("{SECRET_PREFIX}{}", random_letters(SECRET_LENGTH));
        client.client_secret = ClientSecret(ClientToken::new(secret));
    }
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, name) = (Store::of(cx), cx.capture("name"));
    if let Some(client) = store::load::<ClientRecord>(&store, name).await? {
        store.transaction.delete(id_key(&store, &client.client_id));
        store::erase::<ClientRecord>(&store, name);
    }
    Ok(Response::empty())
}

fn id_key(store: &Store<'_>, id: &str) -> String {
    store.key(&format!("oidc/client-id/{id}"))
}

/// The client of the request's namespace that has this id.
pub(super) async fn by_id(cx: &Context<'_>, id: &str) -> Result<Option<ClientRecord>, Error> {
    let store = Store::of(cx);
    if !id.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    match store.transaction.get_json::<String>(&id_key(&store, id)).await? {
        Some(name) => store::load(&store, &name).await,
        None => Ok(None),
    }
}
