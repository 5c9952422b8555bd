//! New tokens.

use schemas::shape::{Map, Words};

use super::role::{Role, RoleTokenType, stored_role};
use super::{TokenEngine, has_sudo, identity_of, tokens, with_warnings};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity;
use crate::core::input::go_seconds;
use crate::core::request::{ClientToken, Inline};
use crate::core::response::{Alias, Grant, Response};
use crate::core::token::login::auth_block;
use crate::core::token::policies::{Choice, choose, fits_any};
use crate::core::token::store::Issue;
use crate::core::token::ttl::{self, Wanted, lifetime};
use crate::core::token::{TokenEntry, TokenKind};

/// What a new token shall be.
#[derive(schemas::Fields)]
pub(super) struct CreateFields {
    /// The token itself, chosen.
    id: Option<String>,
    /// Name in logs.
    display_name: Option<String>,
    /// Alias of the entity that shall be behind the token.
    entity_alias: Option<String>,
    /// Lifetime that no renewal extends.
    explicit_max_ttl: Option<String>,
    /// The old name of `ttl`.
    lease: Option<String>,
    /// Metadata.
    meta: Option<Map<String>>,
    /// Leave out the policy `default`.
    no_default_policy: Option<bool>,
    /// Without parent.
    no_parent: Option<bool>,
    /// How often it may be used.
    num_uses: Option<i64>,
    /// Each renewal gives it this long.
    period: Option<String>,
    /// Policies.
    policies: Option<Words>,
    /// May it be renewed.
    renewable: Option<bool>,
    /// Lifetime.
    ttl: Option<String>,
    /// `service` or `batch`.
    #[kind(api = "type")]
    token_type: Option<String>,
}

const CUSTOM_ID_WARNING: &str = "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the \
    more secure SHA2-256 HMAC for token obfuscation. SHA1 hashed tokens on the wire leads to less secure lookups.";

pub(super) async fn create(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    Creation::new(cx, None).await?.run(false).await
}

pub(super) async fn create_orphan(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    Creation::new(cx, None).await?.run(true).await
}

pub(super) async fn create_by_role(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("role_name");
    let role = stored_role(cx, name).await?.ok_or_else(|| Error::invalid(format!("unknown role {name}")))?;
    Creation::new(cx, Some(role)).await?.run(false).await
}

/// One creation under way.
struct Creation<'a, 'c> {
    cx: &'c Context<'a>,
    fields: CreateFields,
    role: Option<Role>,
    parent: TokenEntry,
    is_sudo: bool,
    warnings: Vec<String>,
}

impl<'a, 'c> Creation<'a, 'c> {
    async fn new(cx: &'c Context<'a>, role: Option<Role>) -> Result<Self, Error> {
        let parent = cx.token()?.clone();
        if parent.kind == TokenKind::Batch {
            return Err(Error::invalid("batch tokens cannot create more tokens"));
        }
        if cx.request().inline == Inline::Proved {
            return Err(Error::invalid("parent token lookup failed: no parent found"));
        }
        if parent.num_uses < 0 {
            // This was its last use.
            return Err(Error::invalid("parent token lookup failed: no parent found"));
        }
        if parent.num_uses != 0 {
            return Err(Error::invalid("restricted use token cannot generate child tokens"));
        }
        let is_sudo = has_sudo(cx).await?;
        Ok(Self { cx, fields: cx.fields()?, role, parent, is_sudo, warnings: Vec::new() })
    }

    async fn run(mut self, is_orphan: bool) -> Result<Response, Error> {
        self.require_namespace()?;
        let kind = self.kind()?;
        let mut entry = self.entry(kind)?;
        let alias_entity = self.alias_entity().await?;
        let id = self.chosen_id()?;
        entry.policies = self.policies(kind)?;
        self.set_parent(&mut entry, is_orphan)?;
        self.set_identity(&mut entry, alias_entity);
        self.set_lifetime(&mut entry)?;
        if id.is_some() {
            self.warnings.push(CUSTOM_ID_WARNING.to_owned());
        }
        self.issue(entry, id).await
    }

    async fn issue(mut self, entry: TokenEntry, text: Option<ClientToken>) -> Result<Response, Error> {
        let cx = self.cx;
        let text = text.filter(|_| entry.kind == TokenKind::Service);
        let issue = Issue { namespace: &cx.request().namespace, entry, text };
        let (token, entry) = tokens(cx).issue(cx.transaction(), issue).await?;
        self.warn_of_missing_policies(&entry.policies).await?;
        let entity = identity_of(cx, &entry).await?;
        let block = auth_block(&entry, &token, entity.as_ref());
        let response = Response { grant: Grant::Issued(Box::new(block)), ..Response::default() };
        Ok(with_warnings(response, self.warnings))
    }

    async fn warn_of_missing_policies(&mut self, policies: &[String]) -> Result<(), Error> {
        let surroundings = tokens(self.cx).surroundings()?;
        for name in policies {
            let namespace = &self.cx.request().namespace;
            if !surroundings.has_policy(self.cx.transaction(), namespace, name).await? {
                self.warnings.push(format!("Policy {name:?} does not exist"));
            }
        }
        Ok(())
    }

    fn is_from_outside(&self) -> bool {
        self.cx.request().namespace.id != self.parent.namespace
    }

    /// A token of another namespace than the parent's is for administrators, and never root.
    fn require_namespace(&self) -> Result<(), Error> {
        if !self.is_from_outside() {
            return Ok(());
        }
        if !self.is_sudo {
            let text = "root or sudo privileges required to directly generate a token in a child namespace";
            return Err(Error::invalid(text));
        }
        if self.wanted_policies().iter().any(|name| name.trim().eq_ignore_ascii_case("root")) {
            return Err(Error::invalid("root tokens may not be created from a parent namespace"));
        }
        Ok(())
    }

    fn kind(&self) -> Result<TokenKind, Error> {
        let asked = self.fields.token_type.as_deref().unwrap_or_default();
        let word = match self.role.as_ref().map(|role| role.token_type) {
            None | Some(RoleTokenType::DefaultService) => asked,
            Some(RoleTokenType::DefaultBatch) if asked.is_empty() => "batch",
            Some(RoleTokenType::DefaultBatch) => asked,
            Some(RoleTokenType::Service) => "service",
            Some(RoleTokenType::Batch) => "batch",
        };
        match word {
            "" | "service" => Ok(TokenKind::Service),
            "batch" => self.require_good_for_batch().map(|()| TokenKind::Batch),
            _ => Err(Error::invalid("invalid 'token_type' value")),
        }
    }

    fn require_good_for_batch(&self) -> Result<(), Error> {
        let seconds = |name: &str, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            go_seconds(text).map_err(|_| Error::invalid(format!("'{name}' value could not be parsed")))
        };
        let bad = if seconds("explicit_max_ttl", &self.fields.explicit_max_ttl)? != 0 {
            "explicit_max_ttl"
        } else if self.fields.num_uses.unwrap_or(0) != 0 {
            "num_uses"
        } else if seconds("period", &self.fields.period)? != 0 {
            "period"
        } else {
            return Ok(());
        };
        Err(Error::invalid(format!("batch tokens cannot have \"{bad}\" set")))
    }

    /// The entry without policies, parent, identity and lifetime.
    fn entry(&self, kind: TokenKind) -> Result<TokenEntry, Error> {
        let asked = self.fields.num_uses.unwrap_or(0);
        if asked < 0 {
            return Err(Error::invalid("number of uses cannot be negative"));
        }
        let limits = [asked, self.role.as_ref().map_or(0, |role| role.num_uses)];
        let num_uses = limits.into_iter().filter(|uses| *uses > 0).min().unwrap_or(0);
        let is_renewable =
            self.fields.renewable.unwrap_or(true) && self.role.as_ref().is_none_or(|role| role.renewable);
        Ok(TokenEntry {
            kind,
            path: self.path(),
            display_name: display_name(self.fields.display_name.as_deref().unwrap_or_default()),
            metadata: self.fields.meta.as_ref().map(|meta| meta.0.clone()).unwrap_or_default(),
            // Nothing is stored of a batch token that could be counted.
            num_uses: if kind == TokenKind::Service { num_uses } else { 0 },
            uses_at_first: num_uses,
            created_at: self.cx.now(),
            role: self.role.as_ref().map(|role| role.name.clone()).unwrap_or_default(),
            renewable: is_renewable && kind == TokenKind::Service,
            is_leased: kind == TokenKind::Service,
            ..TokenEntry::default()
        })
    }

    /// Where the token is filed: `revoke-prefix` finds it there.
    fn path(&self) -> String {
        let suffix = self.role.as_ref().map_or("", |role| &role.path_suffix);
        let path = &*self.cx.request().path;
        if suffix.is_empty() { path.to_owned() } else { format!("{path}/{suffix}") }
    }

    fn chosen_id(&self) -> Result<Option<ClientToken>, Error> {
        let Some(id) = self.fields.id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
        if !self.is_sudo {
            return Err(Error::invalid("root or sudo privileges required to specify token id"));
        }
        if !self.cx.request().namespace.is_root() {
            return Err(Error::invalid("token IDs can only be manually specified in the root namespace"));
        }
        if let Some(prefix) = ["hvs.", "s."].into_iter().find(|prefix| id.starts_with(prefix)) {
            return Err(Error::invalid(format!("custom token ID cannot have the '{prefix}' prefix")));
        }
        if id.contains('.') {
            return Err(Error::invalid("custom token ID cannot have a '.' in the value"));
        }
        Ok(Some(ClientToken::new(id)))
    }

    /// The names as they stand in the request.
    fn wanted_policies(&self) -> &[String] {
        self.fields.policies.as_ref().map_or(&[], |names| &names.0)
    }

    fn policies(&self, kind: TokenKind) -> Result<Vec<String>, Error> {
        let policies = choose(&Choice {
            wanted: self.wanted_policies(),
            no_default: self.fields.no_default_policy.unwrap_or(false),
            parent: &self.parent.policies,
            is_sudo: self.is_sudo,
            is_from_outside: self.is_from_outside(),
            role: self.role.as_ref().map(Role::policies),
        })?;
        if policies.iter().any(|name| name == "root") {
            if !self.parent.is_root() || self.is_from_outside() {
                return Err(Error::invalid("root tokens may not be created without parent token being root"));
            }
            if kind == TokenKind::Batch {
                return Err(Error::invalid("batch tokens cannot be root tokens"));
            }
        }
        Ok(policies)
    }

    fn set_parent(&self, entry: &mut TokenEntry, is_orphan: bool) -> Result<(), Error> {
        let is_orphan = match &self.role {
            Some(role) => role.orphan,
            None if self.fields.no_parent.unwrap_or(false) && !self.is_sudo => {
                return Err(Error::invalid("root or sudo privileges required to create orphan token"));
            }
            None => is_orphan || self.fields.no_parent.unwrap_or(false),
        };
        if !is_orphan {
            entry.parent.clone_from(&self.parent.id);
        }
        Ok(())
    }

    /// Who is behind the token, and from where it may be used: as the role says, else as the parent.
    fn set_identity(&self, entry: &mut TokenEntry, alias_entity: Option<String>) {
        match alias_entity {
            Some(entity) => entry.entity_id = entity,
            None if !entry.is_orphan() => entry.entity_id.clone_from(&self.parent.entity_id),
            None => {}
        }
        match &self.role {
            Some(role) => entry.bound_cidrs.clone_from(&role.bound_cidrs),
            None if !entry.is_orphan() => entry.bound_cidrs.clone_from(&self.parent.bound_cidrs),
            None => {}
        }
    }

    async fn alias_entity(&self) -> Result<Option<String>, Error> {
        let Some(name) = self.fields.entity_alias.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let Some(role) = &self.role else {
            return Err(Error::invalid("'entity_alias' is only allowed in combination with token role"));
        };
        if !fits_any(&role.entity_aliases, &schemas::lower_case(name)) {
            return Err(Error::invalid("invalid 'entity_alias' value"));
        }
        let alias = Alias { name: name.to_owned(), ..Alias::default() };
        let entity = identity::of_login(self.cx, &self.cx.mount().entry, &alias).await?;
        if entity.disabled {
            return Err(Error::with_status(
                http::StatusCode::FORBIDDEN,
                "entity from given entity alias is disabled",
            ));
        }
        Ok(Some(entity.id))
    }

    fn set_lifetime(&mut self, entry: &mut TokenEntry) -> Result<(), Error> {
        let explicit_max_ttl = self.seconds("explicit_max_ttl", self.fields.explicit_max_ttl.as_deref())?;
        let period = self.seconds("period", self.fields.period.as_deref())?;
        if period > 0 && !self.is_sudo {
            return Err(Error::invalid("root or sudo privileges required to create periodic token"));
        }
        let ttl = match self.fields.ttl.as_deref().filter(|ttl| !ttl.is_empty()) {
            Some(ttl) => self.seconds("ttl", Some(ttl))?,
            None => self.seconds("lease", self.fields.lease.as_deref())?,
        };
        entry.explicit_max_ttl = explicit_max_ttl;
        entry.period = period;
        let wanted =
            self.with_role(Wanted { ttl, period, explicit_max_ttl, ..Wanted::default() }, entry.kind);
        let seconds = self.lifetime(entry, wanted)?;
        entry.creation_ttl = seconds;
        entry.granted_ttl = seconds;
        if seconds > 0 {
            entry.expires_at = Some(ttl::after(self.cx.now(), seconds));
            return Ok(());
        }
        if self.parent.expires_at.is_some() {
            return Err(Error::invalid("expiring root tokens cannot create non-expiring root tokens"));
        }
        entry.renewable = false;
        entry.bound_cidrs.clear();
        Ok(())
    }

    /// Seconds to live; 0 for ever, which is for root tokens alone.
    fn lifetime(&mut self, entry: &TokenEntry, wanted: Wanted) -> Result<u64, Error> {
        if entry.is_root() && wanted.period == 0 && wanted.ttl == 0 {
            return Ok(wanted.explicit_max_ttl);
        }
        let lifetime = lifetime(self.cx.limits(), wanted, self.cx.now(), self.cx.now())?;
        self.warnings.extend(lifetime.warnings);
        Ok(lifetime.seconds)
    }

    /// The lesser of what request and role say.
    fn with_role(&mut self, mut wanted: Wanted, kind: TokenKind) -> Wanted {
        let Some(role) = self.role.as_ref().filter(|_| kind == TokenKind::Service) else { return wanted };
        let lesser = |asked: u64, role: u64| match (asked, role) {
            (asked, 0) => (asked, false),
            (0, role) => (role, false),
            (asked, role) => (asked.min(role), true),
        };
        let (explicit_max_ttl, is_explicit_doubled) = lesser(wanted.explicit_max_ttl, role.explicit_max_ttl);
        let (period, is_period_doubled) = lesser(wanted.period, role.period);
        let warning = |what: &str, seconds: u64| {
            format!(
                "{what} specified both during creation call and in role; using the lesser value of {seconds} seconds"
            )
        };
        if is_explicit_doubled {
            self.warnings.push(warning("Explicit max TTL", explicit_max_ttl));
        }
        if is_period_doubled {
            self.warnings.push(warning("Period", period));
        }
        wanted.explicit_max_ttl = explicit_max_ttl;
        wanted.period = period;
        wanted
    }

    fn seconds(&self, name: &str, text: Option<&str>) -> Result<u64, Error> {
        let seconds = go_seconds(text.unwrap_or_default()).map_err(Error::invalid)?;
        u64::try_from(seconds).map_err(|_| Error::invalid(format!("{name} must be positive")))
    }
}

/// `token`, or `token-<name>` in which only letters, digits and dashes are left.
fn display_name(name: &str) -> String {
    if name.is_empty() {
        return "token".to_owned();
    }
    let clean = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let mut full: String = format!("token-{name}").chars().map(clean).collect();
    if full.ends_with('-') {
        full.pop();
    }
    full
}
