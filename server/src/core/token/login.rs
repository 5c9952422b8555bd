//! Tokens of logins, and what answers show of a token.

use std::time::Duration;

use http::StatusCode;

use super::policies::{require_assignable, sanitize};
use super::store::Issue;
use super::ttl::{self, Wanted, lifetime, whole};
use super::{LoginGrant, TokenEntry, TokenKind, Tokens};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::mfa::{self, Asked};
use crate::core::identity::{self, Entity};
use crate::core::namespace::Namespace;
use crate::core::request::{ClientToken, Inline};
use crate::core::response::{AuthBlock, AuthGrant, MfaRequirement, TokenType};

const WAITING: &str = "A login request was issued that is subject to MFA validation. Please make sure to validate \
    the login by sending another request to mfa/validate endpoint.";

const NO_WAITING: &str = "unable to perform inline authentication with login MFA; use the X-Vault-MFA header to \
    specify MFA information on the inline auth request";

/// What a login is answered.
#[derive(Debug)]
pub(crate) struct Login {
    /// `auth` of the answer.
    pub(crate) auth: AuthBlock,
    /// Name of the token.
    pub(crate) display_name: String,
    /// About lifetimes that were capped.
    pub(crate) warnings: Vec<String>,
    /// The token itself, of a login that came with another request.
    pub(crate) proof: Option<Box<TokenEntry>>,
}

impl Tokens {
    /// Makes entity and alias if the grant names one, and the token of a login at the mount of `cx`; or lets it wait
    /// for second factors.
    ///
    /// # Errors
    /// 400 for policies that no login gives; 403 for a disabled entity, or second factors that are wrong.
    pub(crate) async fn log_in(&self, cx: &Context<'_>, grant: AuthGrant) -> Result<Login, Error> {
        let entity = entity_of(cx, &grant).await?;
        let group_aliases = match &entity {
            Some(entity) => refresh_groups(cx, &entity.id, &grant.group_aliases).await?,
            None => Vec::new(),
        };
        let grant = AuthGrant { group_aliases, ..grant };
        let entity = with_groups(cx, entity).await?;
        match mfa::ask(cx, entity.as_ref(), &grant).await? {
            Asked::Nothing => self.finish_login(cx, &cx.request().path, grant, entity.as_ref()).await,
            Asked::InVain => {
                let mut login = self.finish_login(cx, &cx.request().path, grant, entity.as_ref()).await?;
                login.warnings.push("Found MFA header but failed to find MFA Enforcement Config".to_owned());
                Ok(login)
            }
            Asked::For(_) if cx.request().inline == Inline::Login => {
                Err(Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, NO_WAITING))
            }
            Asked::For(requirement) => Ok(waiting(requirement)),
        }
    }

    /// Makes the token of a login by a request to `path` of the mount of `cx`.
    pub(crate) async fn finish_login(
        &self,
        cx: &Context<'_>,
        path: &str,
        grant: AuthGrant,
        entity: Option<&Entity>,
    ) -> Result<Login, Error> {
        let wanted = Wanted {
            increment: 0,
            ttl: whole(grant.ttl),
            period: whole(grant.period),
            max_ttl: whole(grant.max_ttl),
            explicit_max_ttl: whole(grant.explicit_max_ttl),
        };
        let lifetime = lifetime(cx.limits(), wanted, cx.now(), cx.now())?;
        let policies = sanitize(&grant.policies, !grant.no_default_policy);
        require_of_login(&policies, entity)?;
        let mut entry = entry(cx, path, grant, policies);
        entry.entity_id = entity.map(|entity| entity.id.clone()).unwrap_or_default();
        entry.creation_ttl = lifetime.seconds;
        entry.granted_ttl = lifetime.seconds;
        entry.expires_at = Some(ttl::after(cx.now(), lifetime.seconds));
        if cx.request().inline == Inline::Login {
            return self.proof(&cx.request().namespace, entry);
        }
        let issue = Issue { namespace: &cx.request().namespace, entry, text: None };
        let (token, entry) = self.issue(cx.transaction(), issue).await?;
        let auth = auth_block(&entry, &token, entity);
        let display_name = entry.display_name;
        Ok(Login { auth, display_name, warnings: lifetime.warnings, proof: None })
    }

    /// The token `entry` as it would be in `namespace`, for one request. There is no such token, so that it is
    /// nobody's parent, and can keep nothing.
    fn proof(&self, namespace: &Namespace, mut entry: TokenEntry) -> Result<Login, Error> {
        entry.namespace.clone_from(&namespace.id);
        entry.id = self.id_of_none(namespace)?;
        entry.is_leased = false;
        let display_name = entry.display_name.clone();
        Ok(Login {
            auth: AuthBlock::default(),
            display_name,
            warnings: Vec::new(),
            proof: Some(Box::new(entry)),
        })
    }
}

/// A login that waits for second factors.
fn waiting(requirement: MfaRequirement) -> Login {
    let auth = AuthBlock {
        token_type: "default",
        mfa_requirement: Some(Box::new(requirement)),
        ..AuthBlock::default()
    };
    Login { auth, display_name: String::new(), warnings: vec![WAITING.to_owned()], proof: None }
}

async fn entity_of(cx: &Context<'_>, grant: &AuthGrant) -> Result<Option<Entity>, Error> {
    let Some(alias) = &grant.alias else { return Ok(None) };
    let entity = identity::of_login(cx, &cx.mount().entry, alias).await?;
    if entity.disabled {
        return Err(Error::permission_denied());
    }
    Ok(Some(entity))
}

async fn refresh_groups(cx: &Context<'_>, entity: &str, names: &[String]) -> Result<Vec<String>, Error> {
    identity::refresh_groups(cx, entity, &cx.mount().entry.accessor, names).await
}

/// `entity` with the groups that the login has put it in.
async fn with_groups(cx: &Context<'_>, entity: Option<Entity>) -> Result<Option<Entity>, Error> {
    match entity {
        Some(entity) => cx.core.identity_in(cx.transaction(), &cx.request().namespace, &entity.id).await,
        None => Ok(None),
    }
}

fn require_of_login(policies: &[String], entity: Option<&Entity>) -> Result<(), Error> {
    let of_entity = entity.map(|entity| entity.policies.as_slice()).unwrap_or_default();
    let all: Vec<String> = policies.iter().chain(of_entity).cloned().collect();
    if all.iter().any(|name| name == "root") {
        return Err(Error::invalid("auth methods cannot create root tokens"));
    }
    require_assignable(&all)
}

fn entry(cx: &Context<'_>, path: &str, grant: AuthGrant, policies: Vec<String>) -> TokenEntry {
    let kind = kind_of(grant.token_type, &cx.mount().entry.config.token_type);
    let is_service = kind == TokenKind::Service;
    let (namespace, entry) = (&cx.mount().namespace, &cx.mount().entry);
    let place = match namespace.is_root() {
        true => entry.path.clone(),
        false => format!("{}{}", namespace.path, entry.api_path()),
    };
    let name = format!("{}{}", place.replace('/', "-"), grant.display_name);
    TokenEntry {
        policies,
        path: path.to_owned(),
        display_name: name.strip_suffix('-').unwrap_or(&name).to_owned(),
        metadata: grant.metadata,
        kind,
        num_uses: if is_service { grant.num_uses } else { 0 },
        uses_at_first: grant.num_uses,
        created_at: cx.now(),
        // Batch tokens are not renewed, and do not keep what only a renewal would look at.
        explicit_max_ttl: if is_service { whole(grant.explicit_max_ttl) } else { 0 },
        period: if is_service { whole(grant.period) } else { 0 },
        bound_cidrs: grant.bound_cidrs,
        renewable: grant.renewable && is_service,
        is_leased: is_service,
        login: Some(LoginGrant {
            max_ttl: whole(grant.max_ttl),
            ttl: whole(grant.ttl),
            internal: grant.internal,
            group_aliases: grant.group_aliases,
        }),
        ..TokenEntry::default()
    }
}

/// The kind of token that `role` asks for at a mount that is tuned to `mount`.
fn kind_of(role: TokenType, mount: &str) -> TokenKind {
    match (mount, role) {
        ("batch", _) | ("default-batch", TokenType::Default) => TokenKind::Batch,
        ("service", _) => TokenKind::Service,
        (_, TokenType::Batch | TokenType::DefaultBatch) => TokenKind::Batch,
        _ => TokenKind::Service,
    }
}

/// What the login that made `entry` granted, for its auth method to renew it.
pub(super) fn grant_of(entry: &TokenEntry) -> AuthGrant {
    let login = entry.login.clone().unwrap_or_default();
    AuthGrant {
        policies: entry.policies.clone(),
        display_name: entry.display_name.clone(),
        metadata: entry.metadata.clone(),
        ttl: Duration::from_secs(login.ttl),
        max_ttl: Duration::from_secs(login.max_ttl),
        explicit_max_ttl: Duration::from_secs(entry.explicit_max_ttl),
        period: Duration::from_secs(entry.period),
        group_aliases: login.group_aliases,
        num_uses: entry.num_uses,
        bound_cidrs: entry.bound_cidrs.clone(),
        internal: login.internal,
        renewable: entry.renewable,
        ..AuthGrant::default()
    }
}

/// `auth` of an answer about `entry`, behind which is `entity`.
pub(crate) fn auth_block(entry: &TokenEntry, token: &ClientToken, entity: Option<&Entity>) -> AuthBlock {
    let of_entity = entity.map(|entity| entity.policies.as_slice()).unwrap_or_default();
    let identity_policies = sanitize(of_entity, false);
    let all: Vec<&String> = entry.policies.iter().chain(&identity_policies).collect();
    let end = entry.renewed_at.unwrap_or(entry.created_at);
    AuthBlock {
        client_token: token.expose().to_owned(),
        accessor: entry.accessor.clone(),
        policies: Some(sanitize(&all, false)),
        token_policies: Some(entry.policies.clone()).filter(|policies| !policies.is_empty()),
        identity_policies,
        metadata: Some(entry.metadata.clone()).filter(|metadata| !metadata.is_empty()),
        lease_duration: entry.seconds_left(end),
        renewable: entry.renewable,
        entity_id: entry.entity_id.clone(),
        token_type: entry.kind.as_str(),
        orphan: entry.is_orphan(),
        mfa_requirement: None,
        num_uses: entry.uses_at_first,
    }
}
