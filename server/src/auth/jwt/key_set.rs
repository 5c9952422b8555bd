//! Key sets that are fetched: by their URL, or by that of an OIDC provider.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures::TryStreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::key::{ALGORITHMS, Jwk, Key};
use super::signed::{Claims, Signed};
use super::trust::{self, Trust};

/// How long a server may take for one document.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest document that is read, in bytes.
const LONGEST: usize = 1 << 20;
/// In this time a set is fetched at most [`FETCHES`] times, whatever keys tokens name.
const WINDOW: Duration = Duration::from_secs(10);
const FETCHES: u32 = 3;
/// The most sets that are kept; changed configurations leave old ones behind.
const MOST: usize = 16;

/// Where a key set is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// At this URL.
    Jwks { url: String, trust: Trust },
    /// Where the provider at this URL says.
    Discovery { url: String, trust: Trust },
}

/// The sets that were fetched, for as long as the mount lives in this process.
#[derive(Default)]
pub(super) struct KeySets(parking_lot::Mutex<HashMap<Source, Arc<Fetched>>>);

/// A set that is read without waiting for anybody, and fetched by one login at a time: tokens prove nothing before
/// they are checked, and whoever sends one must not keep others waiting.
#[derive(Default)]
struct Fetched {
    present: ArcSwap<KeySet>,
    fetching: Mutex<Fetching>,
}

/// One set, as it was when it was last fetched.
#[derive(Default)]
struct KeySet {
    /// Where the provider said that it is.
    url: Option<String>,
    keys: Vec<(String, Key)>,
    /// Counts the fetches, those that failed, too.
    fetch: u64,
}

/// What has come of fetching.
#[derive(Default)]
struct Fetching {
    /// When the present window began, and how often the set was fetched in it.
    window: Option<(Instant, u32)>,
    /// Why the last fetch has failed, if it has.
    problem: Option<Problem>,
}

/// Why a set cannot be used.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// The given certificate authority is none.
    BadCertificate,
    /// The provider cannot be reached or is another one.
    Discovery(String),
    /// The keys cannot be read.
    Fetch(String),
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    keys: Vec<serde_json::Value>,
}

impl KeySets {
    /// The claims of `token` if a key of `source` has signed it.
    ///
    /// The set is fetched if it was not yet, and again if it knows no such key: providers change their keys.
    ///
    /// # Errors
    /// Why not; never a part of the token.
    pub(super) async fn claims(&self, source: &Source, token: &str) -> Result<Claims, Failure> {
        let malformed = |problem: String| Failure::Token(format!("oidc: malformed jwt: {problem}"));
        let signed = Signed::parse(token).map_err(malformed)?;
        if !ALGORITHMS.contains(&signed.algorithm()) {
            let (algorithm, quoted) =
                (signed.algorithm(), ALGORITHMS.map(|name| format!("\"{name}\"")).join(" "));
            return Err(malformed(format!(
                "unexpected signature algorithm {algorithm:?}; expected [{quoted}]"
            )));
        }
        let set = self.set(source);
        let known = set.present.load_full();
        if let Some(claims) = known.claims(&signed) {
            return Ok(claims);
        }
        let renewed = set.renew(source, known.fetch).await.map_err(Failure::Keys)?;
        let unknown = || Failure::Token("failed to verify id token signature".to_owned());
        renewed.claims(&signed).ok_or_else(unknown)
    }

    /// Fetches `source` now.
    pub(super) async fn probe(source: &Source) -> Result<(), Problem> {
        KeySet::default().fetched(source).await.map(|_| ())
    }

    /// Whether the provider of `source` says where its keys are, for those that have one.
    pub(super) async fn probe_provider(source: &Source) -> Result<(), Problem> {
        match source {
            Source::Jwks { trust, .. } => client(trust).map(|_| ()),
            Source::Discovery { url, trust } => discover(&client(trust)?, url).await.map(|_| ()),
        }
    }

    fn set(&self, source: &Source) -> Arc<Fetched> {
        let mut sets = self.0.lock();
        if sets.len() >= MOST && !sets.contains_key(source) {
            sets.clear();
        }
        Arc::clone(sets.entry(source.clone()).or_default())
    }
}

/// Why a token is refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is wrong itself.
    Token(String),
    /// There are no keys to check it with.
    Keys(Problem),
}

impl Fetched {
    /// The set after the fetch `seen`: of the one that is under way or was done meanwhile, else of a new one. The set
    /// as it is, if it may not be fetched now.
    async fn renew(&self, source: &Source, seen: u64) -> Result<Arc<KeySet>, Problem> {
        let mut fetching = self.fetching.lock().await;
        let present = self.present.load_full();
        if present.fetch != seen {
            return fetching.problem.clone().map_or(Ok(present), Err);
        }
        if !fetching.takes_turn() {
            return Ok(present);
        }
        let (keys, url, problem) = match present.fetched(source).await {
            Ok((keys, url)) => (keys, Some(url), None),
            Err(problem) => (present.keys.clone(), present.url.clone(), Some(problem)),
        };
        let next = Arc::new(KeySet { url, keys, fetch: seen + 1 });
        self.present.store(Arc::clone(&next));
        fetching.problem.clone_from(&problem);
        problem.map_or(Ok(next), Err)
    }
}

impl KeySet {
    fn claims(&self, signed: &Signed<'_>) -> Option<Claims> {
        let is_meant = |id: &str| signed.key_id().is_empty() || id == signed.key_id();
        self.keys.iter().filter(|(id, _)| is_meant(id)).find_map(|(_, key)| signed.claims_by(key))
    }

    /// The keys of `source` at this moment, and where they are.
    async fn fetched(&self, source: &Source) -> Result<(Vec<(String, Key)>, String), Problem> {
        let (Source::Jwks { trust, .. } | Source::Discovery { trust, .. }) = source;
        let client = client(trust)?;
        let url = match (source, &self.url) {
            (Source::Jwks { url, .. }, _) | (Source::Discovery { .. }, Some(url)) => url.clone(),
            (Source::Discovery { url, .. }, None) => discover(&client, url).await?,
        };
        let document: Document = read(&client, &url).await.map_err(Problem::Fetch)?;
        Ok((document.keys.into_iter().filter_map(usable).collect(), url))
    }
}

impl Fetching {
    /// Whether the set may be fetched now; counts. A failure counts too: a server that is down is not asked for every
    /// login.
    fn takes_turn(&mut self) -> bool {
        let (start, count) = match self.window {
            Some((start, count)) if start.elapsed() < WINDOW => (start, count),
            _ => (Instant::now(), 0),
        };
        self.window = Some((start, count.saturating_add(1)));
        count < FETCHES
    }
}

/// Id and key of an entry, if it is of a kind that we know.
fn usable(entry: serde_json::Value) -> Option<(String, Key)> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    let key = jwk.key()?;
    Some((jwk.kid, key))
}

/// Where the provider at `url` has its keys.
async fn discover(client: &reqwest::Client, url: &str) -> Result<String, Problem> {
    let document = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let provider: Provider = read(client, &document).await.map_err(Problem::Discovery)?;
    if provider.issuer != url {
        return Err(Problem::Discovery(format!(
            "issuer did not match the returned issuer, expected {url:?} got {:?}",
            provider.issuer
        )));
    }
    Ok(provider.jwks_uri)
}

async fn read<T: DeserializeOwned>(client: &reqwest::Client, url: &str) -> Result<T, String> {
    let failed = |error: reqwest::Error| format!("Get {url:?}: {}", cause(&error));
    let answer = client.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(format!("Get {url:?}: {}", answer.status()));
    }
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("Get {url:?}: the document is longer than {LONGEST} bytes"));
        }
    }
    serde_json::from_slice(&body)
        .map_err(|_| format!("Get {url:?}: the document is not the JSON that is expected"))
}

/// The innermost cause, which says most.
fn cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A client that trusts whom `trust` says.
fn client(trust: &Trust) -> Result<reqwest::Client, Problem> {
    let tls = trust::tls(trust)?;
    let builder =
        reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::limited(3));
    builder.tls_backend_preconfigured(tls).build().map_err(|error| Problem::Fetch(cause(&error)))
}
