//! `identity/lookup`.

use schemas::shape::Declared as _;

use super::{Identity, shown};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Looking for entities and groups.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("lookup/entity")
        .about("Finds an entity by name, id or alias.")
        .fields(LookupFields::PARTS)
        .write(handler!(entity)),
    Route::new("lookup/group")
        .about("Finds a group by name, id or alias.")
        .fields(LookupFields::PARTS)
        .write(handler!(group)),
];

/// What something is looked for by: one of these, or the last two together.
#[derive(schemas::Fields)]
struct LookupFields {
    /// Its name.
    name: Option<String>,
    /// Its id.
    id: Option<String>,
    /// Id of an alias.
    alias_id: Option<String>,
    /// Name of an alias; needs the accessor too.
    alias_name: Option<String>,
    /// Accessor of the mount of the alias.
    alias_mount_accessor: Option<String>,
}

/// What to look for.
enum Question {
    Id(String),
    Name(String),
    AliasId(String),
    Alias {
        accessor: String,
        name: String,
    },
    /// Something empty, which nothing has.
    Nothing,
}

fn question(cx: &Context<'_>) -> Result<Question, Error> {
    let fields: LookupFields = cx.fields()?;
    let given =
        [&fields.id, &fields.name, &fields.alias_id, &fields.alias_name, &fields.alias_mount_accessor];
    let count = given.into_iter().flatten().count();
    let text = |field: Option<String>| field.unwrap_or_default();
    let (name, accessor) = (text(fields.alias_name), text(fields.alias_mount_accessor));
    match count {
        0 => return Err(Error::invalid("query parameter not supplied")),
        1 if !name.is_empty() || !accessor.is_empty() => {
            return Err(Error::invalid("both 'alias_name' and 'alias_mount_accessor' needs to be set"));
        }
        1 => {}
        2 if !name.is_empty() && !accessor.is_empty() => {}
        _ => {
            let text = "query parameter conflict; please supply distinct set of query parameters";
            return Err(Error::invalid(text));
        }
    }
    Ok(match (text(fields.id), text(fields.name), text(fields.alias_id)) {
        (id, ..) if !id.is_empty() => Question::Id(id),
        (_, name, _) if !name.is_empty() => Question::Name(name),
        (.., id) if !id.is_empty() => Question::AliasId(id),
        _ if !name.is_empty() && !accessor.is_empty() => Question::Alias { accessor, name },
        _ => Question::Nothing,
    })
}

async fn entity(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let found = match question(cx)? {
        Question::Id(id) => store.entity(&id).await?,
        Question::Name(name) => store.entity_by_name(&name).await?,
        Question::AliasId(id) => store.entity_by_alias_id(&id).await?,
        Question::Alias { accessor, name } => store.entity_by_alias(&accessor, &name).await?,
        Question::Nothing => None,
    };
    match found {
        Some(record) => shown::entity(cx, &record).await,
        None => Ok(Response::empty()),
    }
}

async fn group(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let found = match question(cx)? {
        Question::Id(id) => store.group(&id).await?,
        Question::Name(name) => store.group_by_name(&name).await?,
        Question::AliasId(id) => store.group_by_alias_id(&id).await?,
        Question::Alias { accessor, name } => store.group_by_alias(&accessor, &name).await?,
        Question::Nothing => None,
    };
    match found {
        Some(record) => shown::group(cx, &record).await,
        None => Ok(Response::empty()),
    }
}
