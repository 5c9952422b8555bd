use crate::shape::{Map, Network, Seconds, Set, TokenType};

/// What every role of an auth method says about the tokens that it gives out.
#[derive(schemas::Fields)]
pub struct TokenParameters {
    /// What holds for token roles too.
    #[kind(flatten)]
    pub limits: TokenLimits,
    /// Makes the tokens periodic: each renewal gives them this many seconds.
    #[kind(at = "object", aliases("period"))]
    pub token_period: Option<Seconds>,
    /// Lifetime at first, in seconds.
    #[kind(at = "object", aliases("ttl"))]
    pub token_ttl: Option<Seconds>,
    /// `service`, `batch`, or `default` for what the mount says.
    #[kind(at = "object", default = "default")]
    pub token_type: Option<TokenType>,
    /// Bind each token to the address that logged in. Not together with `token_bound_cidrs`. OpenBao only.
    #[kind(at = "object", openbao)]
    pub token_strictly_bind_ip: Option<bool>,
}

/// The token parameters that mean the same in roles of auth methods and in token roles.
#[derive(schemas::Fields)]
pub struct TokenLimits {
    /// Metadata of the entity alias that a login makes.
    #[kind(at = "object", enterprise)]
    pub alias_metadata: Option<Map<String>>,
    /// Networks from which the tokens may be used.
    #[kind(at = "object", aliases("bound_cidrs"))]
    pub token_bound_cidrs: Option<Set<Network>>,
    /// Lifetime that no renewal extends, in seconds.
    #[kind(at = "object")]
    pub token_explicit_max_ttl: Option<Seconds>,
    /// Longest lifetime, in seconds.
    #[kind(at = "object", aliases("max_ttl"))]
    pub token_max_ttl: Option<Seconds>,
    /// Leave out the policy `default`.
    #[kind(at = "object")]
    pub token_no_default_policy: Option<bool>,
    /// How often a token may be used; 0: without limit.
    #[kind(at = "object", aliases("num_uses"))]
    pub token_num_uses: Option<i64>,
    /// Policies of the tokens.
    #[kind(at = "object", aliases("policies"))]
    pub token_policies: Option<Set<String>>,
}
