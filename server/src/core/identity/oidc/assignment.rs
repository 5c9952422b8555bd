//! `identity/oidc/assignment`.

use schemas::shape::{Declared as _, List};

use super::record::{ALLOW_ALL, AssignmentRecord, ClientRecord};
use super::store;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::engine::fields::distinct;
use crate::core::identity::store::Store;
use crate::core::identity::{Entity, Identity};
use crate::core::response::Response;
use crate::handler;

/// Who may sign in.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/assignment").about("Names of the assignments.").fields(&[]).list(handler!(list)),
    Route::new("oidc/assignment/{name}")
        .about("One assignment: who may log in to clients.")
        .fields(AssignmentFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// What an assignment may be given.
#[derive(schemas::Fields)]
struct AssignmentFields {
    /// Name of the assignment.
    name: Option<String>,
    /// Ids of entities.
    entity_ids: Option<List<String>>,
    /// Ids of groups.
    group_ids: Option<List<String>>,
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<AssignmentRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    store::list::<AssignmentRecord>(cx).await
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Response::data(&store::named::<AssignmentRecord>(cx).await?)
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AssignmentFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    require_own(name, "modification")?;
    let mut assignment: AssignmentRecord = store::load(&store, name).await?.unwrap_or_default();
    assignment.entity_ids = ids(fields.entity_ids, assignment.entity_ids);
    assignment.group_ids = ids(fields.group_ids, assignment.group_ids);
    store::save(&store, name, &assignment)?;
    Ok(Response::empty())
}

fn require_own(name: &str, deed: &str) -> Result<(), Error> {
    match name {
        ALLOW_ALL => Err(Error::invalid(format!("{deed} of assignment {name:?} not allowed"))),
        _ => Ok(()),
    }
}

/// Ids with their UUID in lower case, sorted, once each.
fn ids(given: Option<List<String>>, known: Vec<String>) -> Vec<String> {
    let lower = |id: &String| match id.split_once('.') {
        Some((id, namespace)) => format!("{}.{namespace}", schemas::lower_case(id)),
        None => schemas::lower_case(id),
    };
    let given = given.map_or(known, |List(ids)| ids);
    distinct(&given.iter().map(lower).collect::<Vec<_>>())
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, name) = (Store::of(cx), cx.capture("name"));
    require_own(name, "deletion")?;
    let is_used = |client: &ClientRecord| client.assignments.iter().any(|assignment| assignment == name);
    let clients = store::names_of::<ClientRecord>(&store, is_used).await?;
    store::require_unused("assignment", name, "clients", &clients)?;
    store::erase::<AssignmentRecord>(&store, name);
    Ok(Response::empty())
}

/// Whether `entity` is in one of `assignments`, by itself or by a group, also by groups above. Disabled ones never are.
pub(super) async fn has_member(
    cx: &Context<'_>,
    assignments: &[String],
    entity: &Entity,
) -> Result<bool, Error> {
    if entity.disabled {
        return Ok(false);
    }
    let store = Store::of(cx);
    for name in assignments {
        if name == ALLOW_ALL {
            return Ok(true);
        }
        let Some(assignment) = store::load::<AssignmentRecord>(&store, name).await? else { continue };
        let by_group = entity.groups.iter().any(|group| assignment.group_ids.contains(&group.id));
        if by_group || assignment.entity_ids.contains(&entity.id) {
            return Ok(true);
        }
    }
    Ok(false)
}
