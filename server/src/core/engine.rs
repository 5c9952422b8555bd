//! How secrets engines and auth methods are written.
//!
//! An engine is a type with a table of [`Route`]s. A route has a path pattern, the operations it takes with a
//! handler each, the table of its fields, and flags. Everything else is the core's: paths, namespaces, tokens,
//! ACL, the decoding of fields, the commit, leases, the shape of the answer.
//!
//! ```ignore
//! /// Keeps one secret for each name.
//! pub struct Notes;
//!
//! static ROUTES: &[Route<Notes>] = &[
//!     Route::new("note").about("Names of the notes.").list(handler!(list)),
//!     Route::new("note/{name}").about("One note.").fields(Note::PARTS)
//!         .read(handler!(read)).write(handler!(write)).delete(handler!(delete)),
//! ];
//!
//! #[async_trait]
//! impl Engine for Notes {
//!     const ABOUT: &'static str = "Keeps one note for each name.";
//!
//!     fn routes() -> &'static [Route<Self>] { ROUTES }
//! }
//!
//! async fn read(_: &Notes, cx: &Context<'_>) -> Result<Response, Error> {
//!     let note: Note = cx.view().get_json(cx.capture("name")).await?.ok_or_else(Error::not_found)?;
//!     Response::data(&note)
//! }
//!
//! async fn write(_: &Notes, cx: &Context<'_>) -> Result<Response, Error> {
//!     let note: Note = cx.fields()?;
//!     cx.view().put_json(cx.capture("name"), &note)?;
//!     Ok(Response::empty())
//! }
//! ```
//!
//! What to know:
//!
//! - **Routes** are tried in their order; the first pattern that fits is taken, even if it lacks the operation
//!   (405). See [`Pattern`] for placeholders. `write` registers create and update together.
//! - **Help.** [`about`](Route::about) and the docs of the fields are what `path-help` shows.
//! - **Fields.** With [`fields`](Route::fields) (a table by `#[derive(schemas::Fields)]`) or
//!   [`fields_at`](Route::fields_at) (a kind's own table and the endpoint), body or query are decoded before the
//!   handler runs: durations from `"1h"`, `60`, `"60"`, truth values from text, lists from `a,b`, aliases to the
//!   proper name. [`Context::input`] holds only what the request named. Wrong values are answered 400, unknown
//!   names become the warning that the API gives (if there is an answer with a body). Without either, names are
//!   not checked and [`Context::parameters`] has them raw, which is for kv.
//! - **A placeholder is a field too** if the table has its name: names of shape `Name` arrive lower-cased.
//! - **Errors.** [`Error::invalid`] is 400 with the text; [`Error::not_found`] is 404 without; others by name.
//!   `?` works on everything of the [`View`](crate::barrier::View).
//! - **Create or update.** A POST is [`Operation::Update`] unless the route has an
//!   [`exists`](Route::exists) check that answers false: then it is [`Operation::Create`], also to the ACL.
//! - **Logins** answer [`Response::login`] on a route marked [`login`](Route::login); the core makes the token in
//!   the same transaction. Leased secrets answer [`Response::with_lease`]; the core calls
//!   [`Engine::revoke`] at the end.
//! - **Handlers run again** after a conflict: no effects but by the transaction, no clock but [`Context::now`].
//! - **State** of an engine instance (one a mount) is for caches only; fill them by
//!   [`Transaction::after_commit`](crate::barrier::Transaction::after_commit). Engines are made by
//!   `engines::make` or `auth::make`, one line each.
//! - **Tests** use [`testing::Harness`](super::testing): a mount of the engine over memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use schemas::kind::fields;
use schemas::{Field, Part, Shape};

use super::context::Context;
use super::error::Error;
use super::help::Described;
use super::pattern::{Captures, Pattern};
use super::request::Operation;
use super::response::{AuthGrant, Response};
use crate::auth::Lockout;

/// A secrets engine or an auth method. One instance for each mount.
#[async_trait]
pub trait Engine: Send + Sync + Sized + 'static {
    /// What it is for, in a few sentences, for people.
    const ABOUT: &'static str;

    /// The table of its paths.
    fn routes() -> &'static [Route<Self>];

    /// Runs once when it is mounted, in the transaction of the mount.
    async fn mount(&self, _cx: &Context<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Runs before its storage is deleted, in the same transaction; leases are revoked by then.
    async fn unmount(&self, _cx: &Context<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Renews a lease that it has granted. The answer says what the core shall cap and store.
    async fn renew(&self, _cx: &Context<'_>, _lease: &Lease) -> Result<Renewal, Error> {
        Err(Error::invalid("lease is not renewable"))
    }

    /// Ends a secret that it has leased. Must not fail for a secret that is gone already.
    async fn revoke(&self, _cx: &Context<'_>, _lease: &Lease) -> Result<(), Error> {
        Err(Error::internal("a lease was made by an engine that does not revoke"))
    }

    /// Whether its logins name roles, for limits of one role.
    const HAS_ROLES: bool = false;

    /// The role that the login `cx` names; empty for none. It proves nothing.
    async fn role_of_login(&self, _cx: &Context<'_>) -> Result<String, Error> {
        Ok(String::new())
    }

    /// Who has failed to log in too often, where failures are counted.
    fn lockout(&self) -> Option<&Lockout> {
        None
    }

    /// Decides whether a token of one of its logins may be renewed, and for how long: `grant` is what the login
    /// answered. An error ends the renewal.
    async fn renew_login(&self, _cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
        Ok(Renewal { ttl: grant.ttl, max_ttl: grant.max_ttl, period: grant.period })
    }
}

/// A lease, as its engine sees it.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    /// The request path that made it, relative to the mount.
    pub path: String,
    /// What the engine has stored with it.
    pub internal: BTreeMap<String, String>,
    /// The extension that the client asks for; zero: none in particular.
    pub increment: Duration,
}

/// How long something lives after a renewal, before the core caps it. Zero: the mount's default or limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// From now on.
    pub ttl: Duration,
    /// From the beginning on.
    pub max_ttl: Duration,
    /// Periodic: ignores `max_ttl`.
    pub period: Duration,
}

/// A handler. Write it as an `async fn` and name it by [`handler!`](crate::handler).
pub type Handler<E> = for<'a> fn(&'a E, &'a Context<'a>) -> BoxFuture<'a, Result<Response, Error>>;

/// A check whether what a POST writes is there already.
pub type Exists<E> = for<'a> fn(&'a E, &'a Context<'a>) -> BoxFuture<'a, Result<bool, Error>>;

/// Makes a [`Handler`] (or an [`Exists`]) of an `async fn(&Engine, &Context<'_>)`.
#[macro_export]
macro_rules! handler {
    ($function:path) => {
        |engine, cx| Box::pin($function(engine, cx))
    };
}

/// A path of an engine and what it does there.
pub struct Route<E> {
    info: RouteInfo,
    handlers: [Option<Handler<E>>; Operation::COUNT],
    exists: Option<Exists<E>>,
}

impl<E> Clone for Route<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Route<E> {}

/// What the core knows of a route.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo {
    /// Relative to the mount.
    pub pattern: Pattern,
    /// What it is for, in a sentence, for people.
    pub about: &'static str,
    /// What its path could say, and does not.
    pub unsaid: &'static [&'static str],
    /// Its fields; `None`: free.
    pub fields: Option<FieldTable>,
    /// For people: what its handlers read of a body that is not decoded by a table.
    pub shown: &'static [Part],
    /// For people: what its fields hold that are taken in more forms than they are meant to have.
    pub meant: &'static [(&'static str, Shape)],
    /// Who may call it.
    pub access: Access,
    /// Whether it tells create from update.
    pub has_existence_check: bool,
    /// Whether it changes mounts or namespaces: one such request at a time.
    pub changes_topology: bool,
    /// Whether its handlers change what no commit takes back, and nothing else: they must never run twice for one
    /// request.
    pub runs_once: bool,
    /// Whether it is left out of descriptions: it answers nothing but errors, or is another name.
    pub is_hidden: bool,
    /// Whether who is not let in is told so as OAuth says (RFC 6750).
    pub is_oauth_resource: bool,
}

/// The fields of a route.
#[derive(Clone, Copy, Debug)]
pub struct FieldTable {
    /// Their declarations.
    pub parts: &'static [Part],
    /// Of a kind's table, only the fields of this endpoint.
    pub endpoint: Option<&'static str>,
    /// Names, of fields or aliases, that mean nothing here though the declarations have them.
    pub unknown: &'static [&'static str],
    /// Of the declarations, only the fields of these names, or these names in requests.
    pub only: Option<&'static [&'static str]>,
}

impl FieldTable {
    /// All that `parts` declares.
    pub const fn new(parts: &'static [Part]) -> Self {
        Self { parts, endpoint: None, unknown: &[], only: None }
    }

    /// The fields that it has.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        fields(self.parts).filter(move |field| {
            let is_at_endpoint = self.endpoint.is_none() || field.at == self.endpoint;
            let is_one_of = self
                .only
                .is_none_or(|names| names.contains(&field.name) || names.contains(&field.parameter()));
            is_at_endpoint && is_one_of && !is_namespace(field) && !self.unknown.contains(&field.name)
        })
    }
}

/// Whether `field` is where kinds name the namespace of an object, which is the request's and never in a body.
fn is_namespace(field: &Field) -> bool {
    matches!(schemas::shape::NAMESPACE, Part::Field(own) if own.name == field.name && own.doc == field.doc)
}

impl RouteInfo {
    /// Its fields as people are told of them: what it decodes, and what its handlers read themselves.
    pub(crate) fn told(&self) -> impl Iterator<Item = Field> {
        let fields =
            self.fields.into_iter().flat_map(FieldTable::fields).chain(FieldTable::new(self.shown).fields());
        let meant = self.meant;
        fields.map(move |field| {
            let shape = meant.iter().find(|(name, _)| *name == field.name);
            Field { shape: shape.map_or(field.shape, |(_, shape)| *shape), ..*field }
        })
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Tokens whose policies allow it.
    Token,
    /// Tokens whose policies allow it with `sudo`.
    Sudo,
    /// Everybody.
    Unauthenticated,
    /// Everybody; it may answer a login.
    Login,
}

impl<E> Route<E> {
    /// A route without operations.
    pub const fn new(pattern: &'static str) -> Self {
        let info = RouteInfo {
            pattern: Pattern::new(pattern),
            about: "",
            unsaid: &[],
            fields: None,
            shown: &[],
            meant: &[],
            access: Access::Token,
            has_existence_check: false,
            changes_topology: false,
            runs_once: false,
            is_hidden: false,
            is_oauth_resource: false,
        };
        Self { info, handlers: [None; Operation::COUNT], exists: None }
    }

    /// Tells people what it is for, in a sentence.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.info.about = about;
        self
    }

    /// A shorter form of a path that says these: they count as said by the path, and as empty.
    #[must_use]
    pub const fn without(mut self, unsaid: &'static [&'static str]) -> Self {
        self.info.unsaid = unsaid;
        self
    }

    /// Decodes body and query by this table.
    #[must_use]
    pub const fn fields(mut self, parts: &'static [Part]) -> Self {
        self.info.fields = Some(FieldTable::new(parts));
        self
    }

    /// Decodes body and query by the fields of a kind's table that live at `endpoint` (keys as captures).
    #[must_use]
    pub const fn fields_at(mut self, parts: &'static [Part], endpoint: &'static str) -> Self {
        self.info.fields = Some(FieldTable { endpoint: Some(endpoint), ..FieldTable::new(parts) });
        self
    }

    /// `names` of fields or aliases that its table declares mean nothing here.
    #[must_use]
    pub const fn not(mut self, names: &'static [&'static str]) -> Self {
        if let Some(table) = &mut self.info.fields {
            table.unknown = names;
        }
        self
    }

    /// Its handlers change what no commit takes back, such as the keys of the seal, and write nothing into the
    /// transaction of the request: they run once.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.info.runs_once = true;
        self
    }

    /// Of its table, only the fields of these names, or these names in requests, mean something here.
    #[must_use]
    pub const fn only(mut self, names: &'static [&'static str]) -> Self {
        if let Some(table) = &mut self.info.fields {
            table.only = Some(names);
        }
        self
    }

    /// Tells people of the fields that its handlers read themselves.
    #[must_use]
    pub const fn shows(mut self, parts: &'static [Part]) -> Self {
        self.info.shown = parts;
        self
    }

    /// Tells people what fields hold that are taken in more forms than they are meant to have.
    #[must_use]
    pub const fn meant(mut self, shapes: &'static [(&'static str, Shape)]) -> Self {
        self.info.meant = shapes;
        self
    }

    /// Takes `operation`.
    #[must_use]
    pub const fn on(mut self, operation: Operation, handler: Handler<E>) -> Self {
        self.handlers[operation as usize] = Some(handler);
        self
    }

    /// Takes GET.
    #[must_use]
    pub const fn read(self, handler: Handler<E>) -> Self {
        self.on(Operation::Read, handler)
    }

    /// Takes LIST.
    #[must_use]
    pub const fn list(self, handler: Handler<E>) -> Self {
        self.on(Operation::List, handler)
    }

    /// Takes SCAN.
    #[must_use]
    pub const fn scan(self, handler: Handler<E>) -> Self {
        self.on(Operation::Scan, handler)
    }

    /// Takes POST and PUT.
    #[must_use]
    pub const fn write(self, handler: Handler<E>) -> Self {
        self.on(Operation::Create, handler).on(Operation::Update, handler)
    }

    /// Takes PATCH.
    #[must_use]
    pub const fn patch(self, handler: Handler<E>) -> Self {
        self.on(Operation::Patch, handler)
    }

    /// Takes DELETE.
    #[must_use]
    pub const fn delete(self, handler: Handler<E>) -> Self {
        self.on(Operation::Delete, handler)
    }

    /// Tells create from update.
    #[must_use]
    pub const fn exists(mut self, check: Exists<E>) -> Self {
        self.exists = Some(check);
        self.info.has_existence_check = true;
        self
    }

    /// Needs no token and may answer a login.
    #[must_use]
    pub const fn login(mut self) -> Self {
        self.info.access = Access::Login;
        self
    }

    /// Needs no token.
    #[must_use]
    pub const fn unauthenticated(mut self) -> Self {
        self.info.access = Access::Unauthenticated;
        self
    }

    /// Needs the capability `sudo`.
    #[must_use]
    pub const fn sudo(mut self) -> Self {
        self.info.access = Access::Sudo;
        self
    }

    /// Left out of descriptions.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.info.is_hidden = true;
        self
    }

    /// Tells who is not let in so as OAuth says.
    #[must_use]
    pub(crate) const fn oauth_resource(mut self) -> Self {
        self.info.is_oauth_resource = true;
        self
    }

    /// Changes mounts or namespaces.
    #[must_use]
    pub(crate) const fn topology(mut self) -> Self {
        self.info.changes_topology = true;
        self
    }

    /// What the core knows of it.
    pub const fn info(&self) -> &RouteInfo {
        &self.info
    }
}

/// A route of an engine that fits a path.
pub(crate) struct Found<'a> {
    /// Place in the table.
    pub(crate) index: usize,
    pub(crate) info: &'static RouteInfo,
    pub(crate) captures: Captures<'a>,
}

/// An [`Engine`] whose type is forgotten: what a mount holds.
#[async_trait]
pub(crate) trait AnyEngine: Send + Sync {
    /// The first route that fits.
    fn find<'a>(&self, path: &'a str, operation: Operation) -> Option<Found<'a>>;
    /// See [`Engine::ABOUT`].
    fn about(&self) -> &'static str;
    /// Its routes, for `help`.
    fn describe(&self) -> Vec<Described>;
    /// Whether `path`, which leads to no route, is where no token is needed.
    fn is_open(&self, path: &str) -> bool;
    /// Whether route `index` takes `operation`.
    fn takes(&self, index: usize, operation: Operation) -> bool;
    /// Runs the handler of route `index`.
    async fn handle(&self, index: usize, operation: Operation, cx: &Context<'_>) -> Result<Response, Error>;
    /// Runs the existence check of route `index`; true without one.
    async fn exists(&self, index: usize, cx: &Context<'_>) -> Result<bool, Error>;
    /// See [`Engine::mount`].
    async fn mount(&self, cx: &Context<'_>) -> Result<(), Error>;
    /// See [`Engine::unmount`].
    async fn unmount(&self, cx: &Context<'_>) -> Result<(), Error>;
    /// See [`Engine::renew`].
    async fn renew(&self, cx: &Context<'_>, lease: &Lease) -> Result<Renewal, Error>;
    /// See [`Engine::revoke`].
    async fn revoke(&self, cx: &Context<'_>, lease: &Lease) -> Result<(), Error>;
    /// See [`Engine::renew_login`].
    async fn renew_login(&self, cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error>;
    /// See [`Engine::HAS_ROLES`].
    fn has_roles(&self) -> bool;
    /// See [`Engine::role_of_login`].
    async fn role_of_login(&self, cx: &Context<'_>) -> Result<String, Error>;
    /// See [`Engine::lockout`].
    fn lockout(&self) -> Option<&Lockout>;
}

#[async_trait]
impl<E: Engine> AnyEngine for E {
    fn find<'a>(&self, path: &'a str, operation: Operation) -> Option<Found<'a>> {
        let takes = |route: &Route<E>, operation: Operation| route.handlers[operation as usize].is_some();
        // The path of a list ends with a slash, which only what can be listed overlooks, whatever is asked of it.
        let is_folder = |route: &Route<E>| {
            operation == Operation::Help || takes(route, Operation::List) || takes(route, Operation::Scan)
        };
        E::routes().iter().enumerate().find_map(|(index, route)| {
            let mut captures = route.info.pattern.matches(path, is_folder(route))?;
            captures.extend(route.info.unsaid.iter().map(|name| (*name, Cow::Borrowed(""))));
            Some(Found { index, info: &route.info, captures })
        })
    }

    fn about(&self) -> &'static str {
        E::ABOUT
    }

    fn describe(&self) -> Vec<Described> {
        let operations = [
            Operation::Read,
            Operation::List,
            Operation::Scan,
            Operation::Create,
            Operation::Update,
            Operation::Patch,
            Operation::Delete,
        ];
        let of_route = |(index, route): (usize, &'static Route<E>)| Described {
            info: &route.info,
            operations: operations.into_iter().filter(|operation| self.takes(index, *operation)).collect(),
        };
        E::routes().iter().enumerate().map(of_route).collect()
    }

    fn is_open(&self, path: &str) -> bool {
        let is_open = |info: &RouteInfo| matches!(info.access, Access::Unauthenticated | Access::Login);
        let mut open = E::routes().iter().map(|route| route.info).filter(is_open);
        open.any(|info| info.pattern.begins(path))
    }

    fn takes(&self, index: usize, operation: Operation) -> bool {
        E::routes()[index].handlers[operation as usize].is_some()
    }

    async fn handle(&self, index: usize, operation: Operation, cx: &Context<'_>) -> Result<Response, Error> {
        match E::routes()[index].handlers[operation as usize] {
            Some(handler) => handler(self, cx).await,
            None => Err(Error::unsupported_operation()),
        }
    }

    async fn exists(&self, index: usize, cx: &Context<'_>) -> Result<bool, Error> {
        match E::routes()[index].exists {
            Some(check) => check(self, cx).await,
            None => Ok(true),
        }
    }

    async fn mount(&self, cx: &Context<'_>) -> Result<(), Error> {
        Engine::mount(self, cx).await
    }

    async fn unmount(&self, cx: &Context<'_>) -> Result<(), Error> {
        Engine::unmount(self, cx).await
    }

    async fn renew(&self, cx: &Context<'_>, lease: &Lease) -> Result<Renewal, Error> {
        Engine::renew(self, cx, lease).await
    }

    async fn revoke(&self, cx: &Context<'_>, lease: &Lease) -> Result<(), Error> {
        Engine::revoke(self, cx, lease).await
    }

    async fn renew_login(&self, cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
        Engine::renew_login(self, cx, grant).await
    }

    fn has_roles(&self) -> bool {
        E::HAS_ROLES
    }

    async fn role_of_login(&self, cx: &Context<'_>) -> Result<String, Error> {
        Engine::role_of_login(self, cx).await
    }

    fn lockout(&self) -> Option<&Lockout> {
        Engine::lockout(self)
    }
}
