//! The provider block and the environment to client settings. The block wins over the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{ChildToken, Credentials, Environment, Login, Origin, Origins, Product, Settings, Tls, Token};
use schemas::{Diagnostic, Record, Secret, Value, said_of_file};

/// Lifetime of the child token when nothing says otherwise.
const CHILD_TTL_SECONDS: u64 = 1200;

/// Logins that are accepted and not built yet.
const NOT_YET: [&str; 8] = [
    "auth_login_aws",
    "auth_login_azure",
    "auth_login_cert",
    "auth_login_gcp",
    "auth_login_kerberos",
    "auth_login_oci",
    "auth_login_oidc",
    "auth_login_radius",
];

/// Logins that work.
const LOGINS: [&str; 4] = ["auth_login", "auth_login_jwt", "auth_login_token_file", "auth_login_userpass"];

/// How to reach the server, and as whom.
///
/// # Errors
/// What is wrong with the block or the environment. Values that are not known yet are an error that says so.
pub(crate) fn settings(
    block: &Record,
    environment: &Environment,
) -> Result<(Settings, Credentials), Diagnostic> {
    if let Some((name, _)) = block.iter().find(|(_, value)| value.has_unknown()) {
        return Err(unknown(name));
    }
    let given = Settings::of(environment).map_err(Diagnostic::error)?;
    let settings = Settings {
        address: address(block, environment, &given)?,
        namespace: text(block, "namespace").unwrap_or(given.namespace),
        retries: count(block, "max_retries")?.unwrap_or(given.retries),
        consistency_retries: count(block, "max_retries_ccc")?.unwrap_or(given.consistency_retries),
        headers: headers(block),
        tls: tls(block, given.tls),
        product: product(block)?,
        origins: origins(block, given.origins),
        ..given
    };
    Ok((settings, credentials(block, environment)?))
}

/// What the block says comes from the block.
fn origins(block: &Record, environment: Origins) -> Origins {
    let origin = |name, otherwise| match text(block, name) {
        Some(_) => Origin::Argument(name),
        None => otherwise,
    };
    Origins {
        address: origin("address", environment.address),
        token: origin("token", environment.token),
        namespace: origin("namespace", environment.namespace),
    }
}

/// What is accepted and does not do what one may think.
pub(crate) fn warnings(block: &Record, environment: &Environment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if text(block, "add_address_to_env").is_some_and(|text| text != "false") {
        found.push(idle("add_address_to_env", "").because("it is for token helpers, and none is run"));
    }
    let login = LOGINS.into_iter().find(|name| first(block, name).is_some());
    if let (Some(login), Some(_)) = (login, text(block, "token")) {
        found.push(idle("token", &format!(" beside `{login}`")));
    }
    found.extend(of_childless(block, environment));
    found.extend(of_token_file(block));
    found.extend(of_headers(block));
    found.extend(of_logging(environment));
    found
}

/// Says that an argument does nothing.
fn idle(name: &str, circumstance: &str) -> Diagnostic {
    Diagnostic::warning(format!("`{name}` has no effect{circumstance}")).hint("remove the argument")
}

/// Arguments of the child token, where there is none.
fn of_childless(block: &Record, environment: &Environment) -> Vec<Diagnostic> {
    let is_file = first(block, "auth_login_token_file").is_some();
    if !matches!(child(block, environment, is_file), Ok(None)) {
        return Vec::new();
    }
    let set = ["token_name", "max_lease_ttl_seconds"].into_iter().filter(|name| !block.get(name).is_null());
    set.map(|name| idle(name, "").because("the given token is used itself, and has no child")).collect()
}

/// A token in a file is used as it is: nobody logs in.
fn of_token_file(block: &Record) -> Vec<Diagnostic> {
    let Some(login) = first(block, "auth_login_token_file") else { return Vec::new() };
    let set = ["namespace", "use_root_namespace"].into_iter().filter(|name| !login.at(name).is_null());
    set.map(|name| {
        idle(name, " in `auth_login_token_file`").because("a token knows its namespace, and nobody logs in")
    })
    .collect()
}

/// Headers that the provider writes itself.
fn of_headers(block: &Record) -> Vec<Diagnostic> {
    let own = [("x-vault-token", "token"), ("x-vault-namespace", "namespace")];
    let headers = block.get("headers").as_list().unwrap_or_default();
    let names = headers.iter().filter_map(|header| header.at("name").as_str());
    let written = names.filter_map(|name| own.iter().find(|(own, _)| name.eq_ignore_ascii_case(own)));
    written
        .map(|(header, argument)| {
            Diagnostic::warning(format!(
                "the header `{header}` has no effect where `{argument}` says otherwise"
            ))
            .hint(format!("set the provider's `{argument}`"))
        })
        .collect()
}

/// Bodies are full of secrets, and never logged.
fn of_logging(environment: &Environment) -> Vec<Diagnostic> {
    let names = ["BODY", "REQUEST_BODY", "RESPONSE_BODY"].map(|part| format!("TERRAFORM_VAULT_LOG_{part}"));
    let set = names.into_iter().filter(|name| matches!(environment.flag(name), Ok(Some(true))));
    set.map(|name| {
        Diagnostic::warning(format!("`{name}` has no effect"))
            .because("bodies hold secrets and are not logged")
            .hint("`TF_LOG=debug` shows method, path and status of every request")
    })
    .collect()
}

fn address(block: &Record, environment: &Environment, given: &Settings) -> Result<String, Diagnostic> {
    let names = ["VAULT_AGENT_ADDR", "VAULT_ADDR"];
    let is_given = names.into_iter().any(|name| environment.text(name).is_some());
    text(block, "address").or_else(|| is_given.then(|| given.address.clone())).ok_or_else(|| {
        let hint = format!("set `address`, {}", given.origins.address.names());
        Diagnostic::error("the server's address is not known").hint(hint)
    })
}

/// What the server is taken to be. Without its version it counts as able to do everything: it says itself what it
/// cannot do.
fn product(block: &Record) -> Result<Option<Product>, Diagnostic> {
    let Some(text) = text(block, "vault_version_override") else {
        return Ok(block.flag("skip_get_vault_version").then_some(Product::Unknown));
    };
    let invalid = || {
        Diagnostic::error(format!("`vault_version_override` is `{text}`, which is no version"))
            .hint("write it as `1.19.0`, or `1.19.0+ent` for Vault Enterprise")
    };
    Product::vault(&text).map(Some).ok_or_else(invalid)
}

fn count(block: &Record, name: &str) -> Result<Option<u32>, Diagnostic> {
    let Some(number) = block.get(name).as_i64() else { return Ok(None) };
    let invalid = |_| Diagnostic::error(format!("`{name}` is {number}, and must not be negative"));
    u32::try_from(number).map(Some).map_err(invalid)
}

fn unknown(name: &str) -> Diagnostic {
    Diagnostic::error(format!("the provider's `{name}` is not known yet"))
        .because("it comes from something that is created in the same run")
        .hint("apply that first, with `-target`, or keep it in a configuration of its own")
}

fn tls(block: &Record, environment: Tls) -> Tls {
    let path = |name: &str| text(block, name).map(PathBuf::from);
    let identity = first(block, "client_auth").map(|auth| [auth.at("cert_file"), auth.at("key_file")]);
    let identity = identity.and_then(|[cert, key]| Some((cert.as_str()?.into(), key.as_str()?.into())));
    Tls {
        ca_file: path("ca_cert_file").or(environment.ca_file),
        ca_dir: path("ca_cert_dir").or(environment.ca_dir),
        identity: identity.or(environment.identity),
        server_name: text(block, "tls_server_name").or(environment.server_name),
        insecure: block.get("skip_tls_verify").as_bool().unwrap_or(environment.insecure),
        ..environment
    }
}

fn headers(block: &Record) -> Vec<(String, Token)> {
    let headers = block.get("headers").as_list().unwrap_or_default();
    let pair = |header: &Value| {
        Some((header.at("name").as_str()?.to_owned(), Token::new(header.at("value").as_str()?)))
    };
    headers.iter().filter_map(pair).collect()
}

fn credentials(block: &Record, environment: &Environment) -> Result<Credentials, Diagnostic> {
    check_logins(block)?;
    let login = login(block, environment)?;
    let file = first(block, "auth_login_token_file");
    let file = file.map(|login| token_file(login, environment)).transpose()?;
    let is_file = file.is_some();
    let given = file.or_else(|| text(block, "token").map(|text| Token::new(&text)));
    let token = match (&login, given) {
        (Some(_), _) => None,
        (None, Some(token)) => Some(token),
        (None, None) => Some(environment_token(environment)?),
    };
    let adopt = flag(block, "set_namespace_from_token", environment, "VAULT_SET_NAMESPACE_FROM_TOKEN")?;
    Ok(Credentials {
        token,
        login,
        child: child(block, environment, is_file)?,
        adopt_namespace: adopt.unwrap_or(true),
    })
}

/// One login at most, and one that works.
fn check_logins(block: &Record) -> Result<(), Diagnostic> {
    let logins = || LOGINS.into_iter().chain(NOT_YET).filter(|name| first(block, name).is_some());
    let count: usize = logins().filter_map(|name| Some(block.get(name).as_list()?.len())).sum();
    if count > 1 {
        let names = logins().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(Diagnostic::error(format!("there is more than one login: {names}")).hint("keep one"));
    }
    let Some(name) = logins().find(|name| NOT_YET.contains(name)) else { return Ok(()) };
    Err(Diagnostic::error(format!("`{name}` is not built yet")).hint(
        "log in with `auth_login`, `auth_login_userpass`, `auth_login_jwt` or `auth_login_token_file`, or set a token",
    ))
}

/// The token of the environment; an empty one if there is none, which matters when it is used.
fn environment_token(environment: &Environment) -> Result<Token, Diagnostic> {
    match (Credentials::of(environment).token, token_helper(environment)) {
        (Some(token), _) => Ok(token),
        (None, None) => Ok(Token::new("")),
        (None, Some(file)) => Err(Diagnostic::error("there is no token")
            .because(format!("`{}` names a token helper, and none is run", file.display()))
            .hint(format!(
                "set {} to what the token helper answers",
                environment.origin("VAULT_TOKEN").names()
            ))),
    }
}

/// The command line's configuration, if it names a token helper.
fn token_helper(environment: &Environment) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(environment.text("HOME")?).join(".vault"));
    let file = environment.text("VAULT_CONFIG_PATH").map(PathBuf::from).or_else(home)?;
    let text = std::fs::read_to_string(&file).ok()?;
    let is_helper = |line: &str| line.trim_start().starts_with("token_helper");
    text.lines().any(is_helper).then_some(file)
}

/// A token in a file is somebody's who renews and revokes it: it has a child only where that is asked for.
fn child(block: &Record, environment: &Environment, is_file: bool) -> Result<Option<ChildToken>, Diagnostic> {
    let skips = flag(block, "skip_child_token", environment, "TERRAFORM_VAULT_SKIP_CHILD_TOKEN")?;
    // A lifetime of nothing would be the system's longest.
    let is_some = |seconds: &u64| *seconds > 0;
    let seconds = count(block, "max_lease_ttl_seconds")?.map(u64::from).filter(is_some);
    let given = environment.number("TERRAFORM_VAULT_MAX_TTL").map_err(Diagnostic::error)?.filter(is_some);
    let name = text(block, "token_name").or_else(|| environment.text("VAULT_TOKEN_NAME"));
    let child = ChildToken {
        display_name: name.unwrap_or_else(|| "terraform".to_owned()),
        ttl: Duration::from_secs(seconds.or(given).unwrap_or(CHILD_TTL_SECONDS)),
    };
    Ok((!skips.unwrap_or(is_file)).then_some(child))
}

fn login(block: &Record, environment: &Environment) -> Result<Option<Login>, Diagnostic> {
    if let Some(login) = first(block, "auth_login") {
        return generic(login).map(Some);
    }
    if let Some(login) = first(block, "auth_login_userpass") {
        return userpass(login, environment).map(Some);
    }
    first(block, "auth_login_jwt").map(|login| jwt(login, environment)).transpose()
}

fn generic(login: &Value) -> Result<Login, Diagnostic> {
    if let Some(method) = login.at("method").as_str().filter(|method| !method.is_empty()) {
        return Err(Diagnostic::error(format!("`method = \"{method}\"` of `auth_login` is not built yet"))
            .hint("leave `method` out for auth methods whose parameters are sent as they are"));
    }
    let path = login.at("path").as_str().unwrap_or_default();
    let namespace = login.at("namespace");
    // The older form: the namespace among the parameters.
    let mut parameters = Record::from(login.at("parameters").as_map().cloned().unwrap_or_default());
    let inner = parameters.take("namespace");
    let namespace = if namespace.is_null() { &inner } else { namespace };
    Ok(made(login, namespace, path.to_owned(), parameters))
}

fn userpass(login: &Value, environment: &Environment) -> Result<Login, Diagnostic> {
    let username = argument(login, environment, "username", "TERRAFORM_VAULT_USERNAME")?;
    let file = given(login, "password_file").or_else(|| environment.text("TERRAFORM_VAULT_PASSWORD_FILE"));
    let password = match (given(login, "password"), file) {
        (None, Some(file)) => read(Path::new(&file))?.trim_end_matches(['\r', '\n']).to_owned(),
        _ => argument(login, environment, "password", "TERRAFORM_VAULT_PASSWORD")?,
    };
    let path = format!("auth/{}/login/{username}", mount(login, "userpass"));
    Ok(made(login, login.at("namespace"), path, Record::new().with("password", password)))
}

fn jwt(login: &Value, environment: &Environment) -> Result<Login, Diagnostic> {
    let mut parameters = Record::new()
        .with("role", argument(login, environment, "role", "")?)
        .with("jwt", argument(login, environment, "jwt", "TERRAFORM_VAULT_AUTH_JWT")?);
    let distributed = given(login, "distributed_claim_access_token")
        .or_else(|| environment.text("TERRAFORM_VAULT_AUTH_DISTRIBUTED_CLAIM_ACCESS_TOKEN"));
    if let Some(token) = distributed {
        parameters.set("distributed_claim_access_token", token);
    }
    let path = format!("auth/{}/login", mount(login, "jwt"));
    Ok(made(login, login.at("namespace"), path, parameters))
}

fn made(login: &Value, namespace: &Value, path: String, parameters: Record) -> Login {
    Login {
        path: path.trim_matches('/').to_owned(),
        namespace: namespace.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        use_root_namespace: login.at("use_root_namespace").as_bool().unwrap_or_default(),
        parameters: Secret::new(parameters.into_value()),
    }
}

/// The token in a file that only its owner may read.
fn token_file(login: &Value, environment: &Environment) -> Result<Token, Diagnostic> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = PathBuf::from(argument(login, environment, "filename", "TERRAFORM_VAULT_TOKEN_FILENAME")?);
    let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Diagnostic::error(format!(
            "token file `{}` may be read by others (mode {mode:03o})",
            path.display()
        ))
        .hint(format!("chmod 600 {}", path.display())));
    }
    let text = read(&path)?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Diagnostic::error(format!(
            "token file `{}` must hold one line: the token",
            path.display()
        )));
    }
    Ok(Token::new(token))
}

fn read(path: &Path) -> Result<String, Diagnostic> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("file `{}` cannot be read", path.display())).because(said_of_file(error))
}

fn mount(login: &Value, default: &str) -> String {
    given(login, "mount").map_or_else(|| default.to_owned(), |mount| mount.trim_matches('/').to_owned())
}

fn argument(
    login: &Value,
    environment: &Environment,
    name: &str,
    variable: &str,
) -> Result<String, Diagnostic> {
    given(login, name).or_else(|| environment.text(variable)).ok_or_else(|| {
        let hint = if variable.is_empty() {
            format!("set `{name}`")
        } else {
            format!("set `{name}` or `{variable}`")
        };
        Diagnostic::error(format!("the login has no `{name}`")).hint(hint)
    })
}

fn given(login: &Value, name: &str) -> Option<String> {
    login.at(name).as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn text(block: &Record, name: &str) -> Option<String> {
    block.get(name).as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(
    block: &Record,
    name: &str,
    environment: &Environment,
    variable: &str,
) -> Result<Option<bool>, Diagnostic> {
    match block.get(name).as_bool() {
        Some(value) => Ok(Some(value)),
        None => environment.flag(variable).map_err(Diagnostic::error),
    }
}

fn first<'a>(block: &'a Record, name: &str) -> Option<&'a Value> {
    block.get(name).as_list()?.first()
}

#[cfg(test)]
mod tests;
