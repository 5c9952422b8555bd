//! Who we are: a token that was given, or one that is got when it is first needed.

use std::sync::PoisonError;
use std::time::Duration;

use schemas::{Answer, Record, Request, Secret, Value};

use crate::error::Refusal;
use crate::{Client, Environment, Error, Origin, Token, namespace};

/// Where a token says what it is. Every namespace has it, and nothing else than its namespace can be missing there.
const LOOKUP: &str = "auth/token/lookup-self";

/// Where the token comes from.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// A given token; never revoked by us.
    pub token: Option<Token>,
    /// A login instead of a given token. Its token is ours: revoked at the end.
    pub login: Option<Login>,
    /// Work with a child of the token instead of the token itself.
    pub child: Option<ChildToken>,
    /// With no namespace set: take that of the token as the client's own.
    pub adopt_namespace: bool,
}

/// A login at an auth method.
#[derive(Clone, Debug)]
pub struct Login {
    /// Path of the login: `auth/approle/login`.
    pub path: String,
    /// Absolute namespace of the auth method; `None` for the client's own.
    pub namespace: Option<String>,
    /// Log in at the root namespace, whatever the client's is.
    pub use_root_namespace: bool,
    /// What is sent; secret.
    pub parameters: Secret,
}

/// A short-lived token to work with.
#[derive(Clone, Debug)]
pub struct ChildToken {
    /// Shown by the server and in its audit log.
    pub display_name: String,
    /// Lifetime that nothing extends.
    pub ttl: Duration,
}

/// A token in use.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) token: Token,
    /// Absolute namespace of the client.
    pub(crate) namespace: String,
    /// Tokens that are ours to revoke, with the namespace they live in, newest first.
    ours: Vec<(Token, String)>,
}

/// What a token says of itself.
struct Home {
    /// The namespace that it lives in.
    namespace: String,
    /// Servers refuse children of batch tokens and of tokens whose uses are counted.
    may_have_children: bool,
}

impl Home {
    fn of(data: &Value) -> Self {
        Self {
            namespace: namespace::join("", data.at("namespace_path").as_str().unwrap_or_default()),
            may_have_children: data.at("type").as_str() != Some("batch")
                && data.at("num_uses").as_i64().unwrap_or_default() == 0,
        }
    }
}

impl Credentials {
    /// The token that the environment of this process gives.
    pub fn from_environment() -> Self {
        Self::of(&Environment::of_process())
    }

    /// The token that `environment` gives: `BAO_TOKEN`, `VAULT_TOKEN`, else the file `~/.vault-token`.
    pub fn of(environment: &Environment) -> Self {
        let file = || {
            let home = std::path::PathBuf::from(environment.text("HOME")?);
            std::fs::read_to_string(home.join(".vault-token")).ok()
        };
        let text = environment.text("VAULT_TOKEN").or_else(file).filter(|text| !text.trim().is_empty());
        Self { token: text.map(|text| Token::new(&text)), ..Self::default() }
    }

    /// A given token and nothing else.
    pub fn token(text: &str) -> Self {
        Self { token: Some(Token::new(text)), ..Self::default() }
    }
}

impl Client {
    /// Logs in, if that has not happened yet.
    pub(crate) async fn session(&self) -> Result<&Session, Error> {
        self.session.get_or_try_init(|| self.open_session()).await
    }

    async fn open_session(&self) -> Result<Session, Error> {
        let own = namespace::join("", &self.settings.namespace);
        let mut session = match (&self.credentials.login, &self.credentials.token) {
            (Some(login), _) => self.log_in(login, &own).await?,
            (None, Some(token)) if !token.is_empty() => {
                Session { token: token.clone(), namespace: own, ours: Vec::new() }
            }
            _ => return Err(no_token(&self.settings.origins.token)),
        };
        match self.settle(&mut session).await {
            Ok(()) => Ok(session),
            Err(error) => {
                // The next request begins anew, with a login of its own.
                self.revoke(&session).await;
                Err(error)
            }
        }
    }

    /// Adopts the token's namespace and makes the child token, as far as the credentials say so.
    async fn settle(&self, session: &mut Session) -> Result<(), Error> {
        let adopts = self.credentials.adopt_namespace && session.namespace.is_empty();
        if self.credentials.child.is_none() && !adopts {
            return Ok(());
        }
        let home = match self.look_up(session).await {
            Ok(home) => home,
            // A token that may not look at itself still works; only its namespace stays unknown.
            Err(Error::UnknownToken(_)) if self.credentials.child.is_none() => return Ok(()),
            Err(error) if error.status() == Some(403) && self.credentials.child.is_none() => return Ok(()),
            Err(error) => return Err(error),
        };
        let _ = self.token_home.set(Some(home.namespace.clone()));
        if adopts {
            session.namespace.clone_from(&home.namespace);
        }
        match &self.credentials.child {
            Some(child) if home.may_have_children => self.create_child(child, &home.namespace, session).await,
            Some(_) => {
                tracing::info!("the token is of a sort that has no child tokens; it is used itself");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Asks once, after something was refused, about the token itself: whoever has no valid token needs another one, and
    /// no policy. And which policy it needs follows from where the token lives.
    pub(crate) async fn confirm_token(&self, session: &Session) -> Result<(), Error> {
        let ask = || async {
            let (token, own) = (session.token.expose(), &session.namespace);
            let answer = self.send_as(Some(token), own, &Request::get(LOOKUP)).await?;
            match answer.is_success() {
                true => Ok(Some(Home::of(answer.data()).namespace)),
                false if is_unknown_token(&answer) => Err(self.unknown_token()),
                false => Ok(None),
            }
        };
        self.token_home.get_or_try_init(ask).await.map(|_| ())
    }

    /// The absolute namespace that the token lives in, as far as it is known; empty for the root.
    pub fn token_namespace(&self) -> Option<String> {
        self.token_home.get().cloned().flatten()
    }

    /// Makes sure, once, that a 404 is said of an object and not of the client's own namespace: where that is not
    /// there, as when its name is mistyped, every object would seem to be gone.
    pub(crate) async fn confirm_namespace(&self, session: &Session) -> Result<(), Error> {
        if session.namespace.is_empty() {
            return Ok(());
        }
        let ask = || async {
            let (token, own) = (session.token.expose(), &session.namespace);
            let answer = self.send_as(Some(token), own, &Request::get(LOOKUP)).await?;
            if answer.status == 404 { Err(self.no_namespace(own)) } else { Ok(()) }
        };
        self.namespace_exists.get_or_try_init(ask).await.copied()
    }

    fn unknown_token(&self) -> Error {
        Error::UnknownToken(self.settings.origins.token.clone())
    }

    fn no_namespace(&self, namespace: &str) -> Error {
        let origin = self.settings.origins.namespace.clone();
        Error::NoNamespace { namespace: namespace.to_owned(), origin }
    }

    async fn log_in(&self, login: &Login, own: &str) -> Result<Session, Error> {
        let at = match (&login.namespace, login.use_root_namespace) {
            (_, true) => String::new(),
            (Some(inner), false) => namespace::join("", inner),
            (None, false) => own.to_owned(),
        };
        let body = Value::Secret(login.parameters.clone());
        let request = Request::new(schemas::Method::Post, login.path.clone()).with_body(body);
        let answer = self.send_as(None, &at, &request).await?;
        let token = client_token(&request, &at, None, &answer)?;
        Ok(Session { token: token.clone(), namespace: own.to_owned(), ours: vec![(token, at)] })
    }

    async fn look_up(&self, session: &Session) -> Result<Home, Error> {
        let request = Request::get(LOOKUP);
        // A token of a parent namespace is not known below it, and one of a child is not known above: the server
        // finds the token by its own suffix, so the client's namespace is right for both.
        let answer = self.send_as(Some(session.token.expose()), &session.namespace, &request).await?;
        if answer.status == 404 && !session.namespace.is_empty() {
            return Err(self.no_namespace(&session.namespace));
        }
        if is_unknown_token(&answer) {
            return Err(self.unknown_token());
        }
        if !answer.is_success() {
            return Err(Error::Refused(Box::new(Refusal::new(&request, &session.namespace, &answer))));
        }
        Ok(Home::of(answer.data()))
    }

    async fn create_child(&self, child: &ChildToken, home: &str, session: &mut Session) -> Result<(), Error> {
        let ttl = format!("{}s", child.ttl.as_secs());
        let body = Record::new()
            .with("display_name", child.display_name.as_str())
            .with("ttl", ttl.as_str())
            .with("explicit_max_ttl", ttl.as_str())
            .with("renewable", false);
        let request = Request::post("auth/token/create", body);
        let answer = self.send_as(Some(session.token.expose()), home, &request).await?;
        let token = client_token(&request, home, Some(home), &answer).map_err(explain_child)?;
        session.ours.insert(0, (token.clone(), home.to_owned()));
        session.token = token;
        Ok(())
    }

    /// Revokes the tokens that we made; never one that was given, and none on which something else depends: a
    /// lease that was read while planning has to live until it is used.
    pub async fn close(&self) {
        let Some(session) = self.session.get() else { return };
        if !self.dependents.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            tracing::debug!("our own token is left to end by itself, since tokens or leases depend on it");
            return;
        }
        self.revoke(session).await;
    }

    async fn revoke(&self, session: &Session) {
        for (token, at) in &session.ours {
            let request = Request::post("auth/token/revoke-self", Record::new());
            let refused = |answer: &Answer| Error::Refused(Box::new(Refusal::new(&request, at, answer)));
            let error = match self.send_as(Some(token.expose()), at, &request).await {
                Ok(answer) if answer.is_success() => continue,
                Ok(answer) => refused(&answer),
                Err(error) => error,
            };
            tracing::warn!(%error, "our own token could not be revoked; it ends by itself");
        }
    }
}

/// True if the server does not know the token that looked itself up. One that it knows and that may not do so is
/// refused by its policies, in a list of errors.
fn is_unknown_token(answer: &Answer) -> bool {
    let is_unknown = |text: &&str| {
        text.contains("invalid token") || text.contains("bad token") || *text == "permission denied"
    };
    answer.status == 403 && answer.errors().iter().any(is_unknown)
}

/// The token in `answer`, which came from the namespace `at`, to a token of the namespace `home` if to any.
fn client_token(request: &Request, at: &str, home: Option<&str>, answer: &Answer) -> Result<Token, Error> {
    if !answer.is_success() {
        let refusal = Refusal::new(request, at, answer).to_token_of(home.map(str::to_owned));
        return Err(Error::Refused(Box::new(refusal)));
    }
    let token = answer.auth().at("client_token").as_str().filter(|token| !token.is_empty());
    token.map(Token::new).ok_or_else(|| {
        Error::Credentials(format!(
            "the answer to {} {} holds no token",
            request.method.as_str(),
            request.path
        ))
    })
}

fn explain_child(error: Error) -> Error {
    let diagnostic = error.to_diagnostic();
    Error::Said(Box::new(diagnostic.hint(
        "a child token is made for every run; `skip_child_token = true` (or TERRAFORM_VAULT_SKIP_CHILD_TOKEN) works with the given token",
    )))
}

fn no_token(origin: &Origin) -> Error {
    let diagnostic = schemas::Diagnostic::error("there is no token").hint(format!(
        "set {}, log in so that `~/.vault-token` holds one, or configure a login",
        origin.names()
    ));
    Error::Said(Box::new(diagnostic))
}
