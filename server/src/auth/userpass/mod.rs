//! The auth method `userpass`: people log in with a name and a password.
//!
//! A user is a [`User`](user::User) record under `user/<name>`; the password is kept as a bcrypt hash.

mod login;
mod password;
mod user;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use schemas::Part;
use schemas::kinds::UserpassUser;
use schemas::shape::{Declared, Name, Seconds};

use super::lockout::Lockout;
use super::page::Page;
use super::token_parameters::ServerFields;
use crate::core::context::Context;
use crate::core::engine::{Engine, Renewal, Route};
use crate::core::error::Error;
use crate::core::response::AuthGrant;
use crate::handler;

/// A mount of the auth method `userpass`.
#[derive(Default)]
pub(crate) struct Userpass {
    lockout: Lockout,
}

/// Fields of a user that Terraform's schema does not have.
#[derive(Debug, schemas::Fields)]
struct OlderFields {
    /// The older name of `token_ttl`.
    ttl: Option<Seconds>,
}

/// Fields of a login.
#[derive(Debug, schemas::Fields)]
struct Credentials {
    /// Who wants to log in.
    username: Name,
    /// With which password.
    password: Option<String>,
}

static USER: &[Part] =
    &[Part::Group(UserpassUser::PARTS), Part::Group(ServerFields::PARTS), Part::Group(OlderFields::PARTS)];

/// What the declarations have and this method does not take.
const NOT_USER: &[&str] = &["alias_metadata", "num_uses", "password_hash_wo_version", "password_wo_version"];

static ROUTES: &[Route<Userpass>] = &[
    Route::new("users").about("Names of the users.").fields(Page::PARTS).list(handler!(user::list)),
    Route::new("users/{username}/password")
        .about("Changes the password of a user.")
        .fields(USER)
        .only(&["username", "password", "password_hash"])
        .write(handler!(user::change_password)),
    Route::new("users/{username}/policies")
        .about("Changes the policies of a user.")
        .fields(USER)
        .only(&["username", "token_policies"])
        .write(handler!(user::change_policies)),
    Route::new("users/{username}")
        .about("One user: password, and what logins get.")
        .fields(USER)
        .not(NOT_USER)
        .exists(handler!(user::exists))
        .read(handler!(user::read))
        .write(handler!(user::write))
        .delete(handler!(user::delete)),
    Route::new("login/{username}")
        .about("Logs in with a password.")
        .fields(Credentials::PARTS)
        .write(handler!(login::login))
        .login(),
];

#[async_trait]
impl Engine for Userpass {
    const ABOUT: &'static str =
        "Users log in with a name and a password. A user says which policies the tokens of its logins have.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn lockout(&self) -> Option<&Lockout> {
        Some(&self.lockout)
    }

    async fn renew_login(&self, cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
        login::renew(cx, grant).await
    }
}
