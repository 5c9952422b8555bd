//! The auth method `approle`: machines log in with the id of a role and a secret id.
//!
//! Storage, relative to the mount:
//!
//! | key | record |
//! |---|---|
//! | `salt` | hashes role ids and accessors where they are keys |
//! | `role/<name>` | [`Role`](role::Role) |
//! | `role_id/<hash of the role id>` | name of the role |
//! | `secret_id/<hash of the role's name>/<hash of the secret id>` | [`SecretId`](secret_id::SecretId) |
//! | `accessor/<hash of the accessor>` | hash of the secret id |
//!
//! Names of roles and secret ids are hashed with a key of the role's own; a secret id in clear is in no record.
//! It is found by its hash, so that nothing compares secret ids byte by byte.

mod hash;
mod login;
mod metadata;
mod role;
mod secret_id;
mod setting;
mod tidy;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use schemas::kinds::{ApproleLogin, ApproleRole, ApproleSecretId};
use schemas::shape::Declared;
use schemas::{Part, Shape, Text};

use super::lockout::Lockout;
use super::page::Page;
use super::token_parameters::ServerFields;
use crate::core::context::Context;
use crate::core::engine::{Engine, Renewal, Route};
use crate::core::error::Error;
use crate::core::response::AuthGrant;
use crate::handler;

/// A mount of the auth method `approle`.
#[derive(Default)]
pub(crate) struct AppRole {
    /// The record `salt`, once it is committed.
    salt: Arc<OnceLock<String>>,
    lockout: Lockout,
}

/// Fields of a role that Terraform's schema does not have.
#[derive(Debug, schemas::Fields)]
struct OlderFields {
    /// The older name of `secret_id_bound_cidrs`.
    bound_cidr_list: Option<schemas::shape::Set<String>>,
}

/// Fields of requests about one secret id that there is already.
#[derive(Debug, schemas::Fields)]
struct Existing {
    /// Name of the role.
    role_name: schemas::shape::Name,
    /// The secret id.
    secret_id: Option<String>,
    /// Its accessor.
    secret_id_accessor: Option<String>,
}

static ROLE: &[Part] =
    &[Part::Group(ApproleRole::PARTS), Part::Group(ServerFields::PARTS), Part::Group(OlderFields::PARTS)];

/// What the declarations have and this method does not take.
const NOT_ROLE: &[&str] = &["alias_metadata", "bound_cidrs", "max_ttl", "num_uses", "ttl"];

/// Fields of a secret id, at the path that lists accessors as well.
static SECRET_ID: &[Part] = &[Part::Group(ApproleSecretId::PARTS), Part::Group(Page::PARTS)];

/// Metadata is a text, in which a document stands.
const METADATA: &[(&str, Shape)] = &[("metadata", Shape::Text(Text::Plain))];

/// A route for one setting of a role: for the fields `only`.
const fn setting(
    pattern: &'static str,
    only: &'static [&'static str],
    about: &'static str,
) -> Route<AppRole> {
    Route::new(pattern)
        .about(about)
        .fields(ROLE)
        .not(NOT_ROLE)
        .only(only)
        .read(handler!(setting::read))
        .write(handler!(setting::write))
        .delete(handler!(setting::clear))
}

static ROUTES: &[Route<AppRole>] = &[
    Route::new("login")
        .about("Logs in with a role id and what else the role asks for.")
        .fields_at(ApproleLogin::PARTS, "object")
        .write(handler!(login::login))
        .login(),
    Route::new("tidy/secret-id")
        .about("Removes records of secret ids that lead nowhere.")
        .fields(&[])
        .write(handler!(tidy::tidy)),
    Route::new("role").about("Names of the roles.").fields(Page::PARTS).list(handler!(role::list)),
    Route::new("role/{role_name}")
        .about("One role: what its logins need, and what they get.")
        .fields(ROLE)
        .not(NOT_ROLE)
        .exists(handler!(role::exists))
        .read(handler!(role::read))
        .write(handler!(role::write))
        .delete(handler!(role::delete)),
    Route::new("role/{role_name}/local-secret-ids")
        .about("Whether secret ids of a role stay in one cluster.")
        .fields(ROLE)
        .not(NOT_ROLE)
        .only(&["role_name", "local_secret_ids"])
        .read(handler!(setting::read)),
    Route::new("role/{role_name}/role-id")
        .about("The role id, which names a role in logins.")
        .fields(ROLE)
        .not(NOT_ROLE)
        .only(&["role_name", "role_id"])
        .read(handler!(setting::read))
        .write(handler!(setting::write)),
    setting(
        "role/{role_name}/policies",
        &["role_name", "token_policies"],
        "Policies that logins of a role get.",
    ),
    setting(
        "role/{role_name}/bound-cidr-list",
        &["role_name", "bound_cidr_list"],
        "Networks from which a role takes logins, at the path of old clients.",
    ),
    setting(
        "role/{role_name}/secret-id-bound-cidrs",
        &["role_name", "secret_id_bound_cidrs"],
        "Networks from which the secret ids of a role may be used.",
    ),
    setting(
        "role/{role_name}/token-bound-cidrs",
        &["role_name", "token_bound_cidrs"],
        "Networks from which the tokens of a role may be used.",
    ),
    setting(
        "role/{role_name}/secret-id-num-uses",
        &["role_name", "secret_id_num_uses"],
        "How often a secret id of a role may be used.",
    ),
    setting(
        "role/{role_name}/secret-id-ttl",
        &["role_name", "secret_id_ttl"],
        "How long a secret id of a role lives.",
    ),
    setting(
        "role/{role_name}/period",
        &["role_name", "token_period"],
        "How long each renewal extends the tokens of a role.",
    ),
    setting(
        "role/{role_name}/token-num-uses",
        &["role_name", "token_num_uses"],
        "How often a token of a role may be used.",
    ),
    setting(
        "role/{role_name}/token-ttl",
        &["role_name", "token_ttl"],
        "How long a token of a role lives at first.",
    ),
    setting(
        "role/{role_name}/token-max-ttl",
        &["role_name", "token_max_ttl"],
        "How long a token of a role lives at most.",
    ),
    Route::new("role/{role_name}/secret-id")
        .about("Makes a secret id, or lists the accessors of all.")
        .fields_at(SECRET_ID, "object")
        .meant(METADATA)
        .not(&["secret_id"])
        .list(handler!(secret_id::list))
        .write(handler!(secret_id::generate)),
    Route::new("role/{role_name}/custom-secret-id")
        .about("Makes a secret id that is chosen.")
        .fields_at(ApproleSecretId::PARTS, "object")
        .meant(METADATA)
        .write(handler!(secret_id::take)),
    Route::new("role/{role_name}/secret-id/lookup/?")
        .about("What there is to know of a secret id.")
        .fields(Existing::PARTS)
        .only(&["role_name", "secret_id"])
        .write(handler!(secret_id::look_up)),
    Route::new("role/{role_name}/secret-id/destroy/?")
        .about("Deletes a secret id.")
        .fields(Existing::PARTS)
        .only(&["role_name", "secret_id"])
        .write(handler!(secret_id::destroy))
        .delete(handler!(secret_id::destroy)),
    Route::new("role/{role_name}/secret-id-accessor/lookup/?")
        .about("What there is to know of the secret id of an accessor.")
        .fields(Existing::PARTS)
        .only(&["role_name", "secret_id_accessor"])
        .write(handler!(secret_id::look_up_by_accessor)),
    Route::new("role/{role_name}/secret-id-accessor/destroy/?")
        .about("Deletes the secret id of an accessor.")
        .fields(Existing::PARTS)
        .only(&["role_name", "secret_id_accessor"])
        .write(handler!(secret_id::destroy_by_accessor))
        .delete(handler!(secret_id::destroy_by_accessor)),
];

#[async_trait]
impl Engine for AppRole {
    const ABOUT: &'static str = "Programs log in with a role id and, unless the role says otherwise, a secret id. A role says \
        what its logins need and which policies the tokens of its logins have.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    const HAS_ROLES: bool = true;

    async fn role_of_login(&self, cx: &Context<'_>) -> Result<String, Error> {
        login::role_name(self, cx).await
    }

    fn lockout(&self) -> Option<&Lockout> {
        Some(&self.lockout)
    }

    async fn renew_login(&self, cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
        login::renew(cx, grant).await
    }
}

impl AppRole {
    /// The mount's salt; the first request that needs one makes it.
    async fn salt(&self, cx: &Context<'_>) -> Result<String, Error> {
        if let Some(salt) = self.salt.get() {
            return Ok(salt.clone());
        }
        let salt = match cx.view().get_json("salt").await? {
            Some(salt) => salt,
            None => {
                let salt = hash::new_key();
                cx.view().put_json("salt", &salt)?;
                salt
            }
        };
        // Kept only once it is committed: until then another request may win with another salt.
        let (place, committed) = (Arc::clone(&self.salt), salt.clone());
        cx.transaction().after_commit(Box::new(move || drop(place.set(committed))));
        Ok(salt)
    }

    /// Where the role of a role id is noted.
    async fn role_id_key(&self, cx: &Context<'_>, role_id: &str) -> Result<String, Error> {
        Ok(format!("role_id/{}", hash::keyed(&self.salt(cx).await?, role_id)))
    }

    /// Where the secret id of an accessor is noted.
    async fn accessor_key(&self, cx: &Context<'_>, accessor: &str) -> Result<String, Error> {
        Ok(format!("accessor/{}", hash::keyed(&self.salt(cx).await?, accessor)))
    }
}
