//! Second factors of logins.
//!
//! A [`Method`] says what a factor is, an [`Enforcement`] which logins need one of which methods. A login that
//! comes without waits in [`Waiting`] until `sys/mfa/validate` proves it; nothing of it is a token before.
//!
//! Passcodes of TOTP are checked here. Methods of other services can be configured, but this server asks nobody
//! else: a factor of theirs is never right.

mod address;
mod enforcement;
mod method;
mod secret;
mod service;
mod validate;
mod waiting;

use serde::{Deserialize, Serialize};

use super::Entity;
use super::store::Store;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::namespace::Namespace;
use crate::core::response::{AuthGrant, MfaAny, MfaMethod, MfaRequirement};
use service::Service;
pub(crate) use validate::ROUTES as SYS_ROUTES;
use waiting::Login;
pub(crate) use waiting::Waiting;

/// `identity/mfa`.
pub(super) fn routes() -> Vec<Route<Identity>> {
    [method::ROUTES, service::ROUTES, secret::ROUTES, enforcement::ROUTES].concat()
}

pub(super) use secret::{forget as forget_secrets, take_over as take_over_secrets};

/// A method. Methods of a namespace are for those below it too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Method {
    id: String,
    name: String,
    /// How the name of an entity is written where the method belongs; empty: as it is.
    #[serde(default)]
    username_format: String,
    #[serde(flatten)]
    service: Service,
}

/// Which logins need a second factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Enforcement {
    id: String,
    name: String,
    mfa_method_ids: Vec<String>,
    #[serde(default)]
    auth_method_accessors: Vec<String>,
    #[serde(default)]
    auth_method_types: Vec<String>,
    #[serde(default)]
    identity_group_ids: Vec<String>,
    #[serde(default)]
    identity_entity_ids: Vec<String>,
}

/// What a login is asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Nothing, or what it was asked for is proved.
    Nothing,
    /// Nothing, although it came with factors.
    InVain,
    /// A second factor; the login waits for it.
    For(MfaRequirement),
}

/// Asks a login of `entity` at the mount of `cx` for second factors, by the headers of the request or later.
///
/// # Errors
/// 403 for factors that are wrong, and for a login without identity where factors are needed.
pub(crate) async fn ask(
    cx: &Context<'_>,
    entity: Option<&Entity>,
    grant: &AuthGrant,
) -> Result<Asked, Error> {
    let enforcements = matching(cx, entity).await?;
    let credentials = &cx.request().mfa;
    let Some(entity) = entity else {
        return if enforcements.is_empty() { Ok(Asked::Nothing) } else { Err(Error::permission_denied()) };
    };
    if enforcements.is_empty() {
        return Ok(if credentials.is_empty() { Asked::Nothing } else { Asked::InVain });
    }
    if !credentials.is_empty() {
        for enforcement in &enforcements {
            let checked = validate::check(cx, enforcement, entity, credentials).await?;
            checked.map_err(|_| Error::permission_denied())?;
        }
        return Ok(Asked::Nothing);
    }
    let requirement = requirement(cx, &enforcements).await?;
    let login = Login {
        grant: grant.clone(),
        path: cx.request().path.to_string(),
        accessor: cx.mount().entry.accessor.clone(),
        namespace: cx.request().namespace.id.clone(),
        entity: entity.id.clone(),
        since: cx.now(),
        claimed_by: None,
    };
    Waiting::add_after(&cx.core.mfa, cx.transaction(), requirement.mfa_request_id.clone(), login);
    Ok(Asked::For(requirement))
}

async fn requirement(cx: &Context<'_>, enforcements: &[Enforcement]) -> Result<MfaRequirement, Error> {
    let mut requirement =
        MfaRequirement { mfa_request_id: uuid::Uuid::new_v4().to_string(), ..MfaRequirement::default() };
    for enforcement in enforcements {
        let mut any = Vec::new();
        for id in &enforcement.mfa_method_ids {
            let Some((method, _)) = method::find(cx, id).await? else { continue };
            let (kind, uses_passcode) = (method.service.kind(), method.service.uses_passcode());
            any.push(MfaMethod { kind, id: method.id, uses_passcode, name: method.name });
        }
        requirement.mfa_constraints.insert(enforcement.name.clone(), MfaAny { any });
    }
    Ok(requirement)
}

/// The enforcements for a login of `entity` at the mount of `cx`, those of the namespaces above included.
async fn matching(cx: &Context<'_>, entity: Option<&Entity>) -> Result<Vec<Enforcement>, Error> {
    let mount = &cx.mount().entry;
    let is_member = |ids: &[String]| {
        entity.is_some_and(|entity| {
            ids.contains(&entity.id) || entity.groups.iter().any(|group| ids.contains(&group.id))
        })
    };
    let mut found = Vec::new();
    for namespace in scope(cx) {
        let store = Store::new(cx.transaction(), &namespace, &cx.core.identities);
        let all = enforcement::all(&store).await?;
        found.extend(all.into_iter().filter(|enforcement| {
            is_member(&enforcement.identity_entity_ids)
                || is_member(&enforcement.identity_group_ids)
                || enforcement.auth_method_accessors.contains(&mount.accessor)
                || enforcement.auth_method_types.contains(&mount.kind)
        }));
    }
    Ok(found)
}

/// The namespace of the request, and those above it.
fn scope(cx: &Context<'_>) -> Vec<std::sync::Arc<Namespace>> {
    let own = &cx.request().namespace;
    let mut scope = vec![std::sync::Arc::clone(own)];
    let Some(topology) = cx.core.topology() else { return scope };
    let above = std::iter::once(0).chain(own.path.match_indices('/').map(|(slash, _)| slash + 1));
    let above: Vec<usize> = above.filter(|end| *end < own.path.len()).collect();
    for end in above.into_iter().rev() {
        scope.extend(topology.space(&own.path[..end]).map(|space| std::sync::Arc::clone(&space.namespace)));
    }
    scope
}
