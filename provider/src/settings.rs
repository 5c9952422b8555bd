//! The provider block and the environment to client settings. The block wins over the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{ChildToken, Credentials, Login, Settings, Tls, Token};
use schemas::{Diagnostic, Record, Secret, Value};

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

/// How to reach the server, and as whom.
///
/// # Errors
/// What is wrong with the block or the environment. Values that are not known yet are an error that says so.
pub(crate) fn settings(block: &Record) -> Result<(Settings, Credentials), Diagnostic> {
    if let Some((name, _)) = block.iter().find(|(_, value)| value.has_unknown()) {
        return Err(unknown(name));
    }
    let mut settings = Settings::from_environment().map_err(Diagnostic::error)?;
    let Some(address) = text(block, "address").or_else(|| environment(&["BAO_ADDR", "VAULT_ADDR"])) else {
        return Err(
            Diagnostic::error("the server's address is not known").hint("set `address` or `VAULT_ADDR`")
        );
    };
    settings.address = address;
    if let Some(namespace) = text(block, "namespace") {
        settings.namespace = namespace;
    }
    if let Some(retries) = block.get("max_retries").as_i64() {
        settings.retries = u32::try_from(retries).unwrap_or_default();
    }
    settings.headers = headers(block);
    settings.tls = tls(block, settings.tls);
    let credentials = credentials(block)?;
    Ok((settings, credentials))
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

fn credentials(block: &Record) -> Result<Credentials, Diagnostic> {
    if let Some(name) = NOT_YET.into_iter().find(|name| first(block, name).is_some()) {
        return Err(Diagnostic::error(format!("`{name}` is not built yet"))
            .hint("log in with `auth_login`, `auth_login_userpass`, `auth_login_jwt` or `auth_login_token_file`, or set a token"));
    }
    let login = login(block)?;
    let file = first(block, "auth_login_token_file").map(token_file).transpose()?;
    let given = file.or_else(|| text(block, "token").map(|text| Token::new(&text)));
    let token = match (&login, given) {
        (Some(_), _) => None,
        (None, Some(token)) => Some(token),
        (None, None) => Credentials::from_environment().token,
    };
    Ok(Credentials {
        token,
        login,
        child: child(block),
        adopt_namespace: flag(block, "set_namespace_from_token", "VAULT_SET_NAMESPACE_FROM_TOKEN")
            .unwrap_or(true),
    })
}

fn child(block: &Record) -> Option<ChildToken> {
    if flag(block, "skip_child_token", "TERRAFORM_VAULT_SKIP_CHILD_TOKEN").unwrap_or_default() {
        return None;
    }
    let configured =
        block.get("max_lease_ttl_seconds").as_i64().and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = configured.or_else(|| environment(&["TERRAFORM_VAULT_MAX_TTL"])?.parse().ok());
    Some(ChildToken {
        display_name: text(block, "token_name")
            .or_else(|| environment(&["VAULT_TOKEN_NAME"]))
            .unwrap_or_else(|| "terraform".to_owned()),
        ttl: Duration::from_secs(seconds.unwrap_or(CHILD_TTL_SECONDS)),
    })
}

fn login(block: &Record) -> Result<Option<Login>, Diagnostic> {
    if let Some(login) = first(block, "auth_login") {
        return generic(login).map(Some);
    }
    if let Some(login) = first(block, "auth_login_userpass") {
        return userpass(login).map(Some);
    }
    first(block, "auth_login_jwt").map(jwt).transpose()
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

fn userpass(login: &Value) -> Result<Login, Diagnostic> {
    let username = argument(login, "username", "TERRAFORM_VAULT_USERNAME")?;
    let file = given(login, "password_file").or_else(|| environment(&["TERRAFORM_VAULT_PASSWORD_FILE"]));
    let password = match (given(login, "password"), file) {
        (None, Some(file)) => read(Path::new(&file))?.trim_end_matches(['\r', '\n']).to_owned(),
        _ => argument(login, "password", "TERRAFORM_VAULT_PASSWORD")?,
    };
    let path = format!("auth/{}/login/{username}", mount(login, "userpass"));
    Ok(made(login, login.at("namespace"), path, Record::new().with("password", password)))
}

fn jwt(login: &Value) -> Result<Login, Diagnostic> {
    let mut parameters = Record::new()
        .with("role", argument(login, "role", "")?)
        .with("jwt", argument(login, "jwt", "TERRAFORM_VAULT_AUTH_JWT")?);
    let distributed = given(login, "distributed_claim_access_token")
        .or_else(|| environment(&["TERRAFORM_VAULT_AUTH_DISTRIBUTED_CLAIM_ACCESS_TOKEN"]));
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
fn token_file(login: &Value) -> Result<Token, Diagnostic> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = PathBuf::from(argument(login, "filename", "TERRAFORM_VAULT_TOKEN_FILENAME")?);
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
    Diagnostic::error(format!("file `{}` cannot be read", path.display())).because(error.to_string())
}

fn mount(login: &Value, default: &str) -> String {
    given(login, "mount").map_or_else(|| default.to_owned(), |mount| mount.trim_matches('/').to_owned())
}

fn argument(login: &Value, name: &str, variable: &str) -> Result<String, Diagnostic> {
    given(login, name).or_else(|| environment(&[variable])).ok_or_else(|| {
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

fn flag(block: &Record, name: &str, variable: &str) -> Option<bool> {
    block.get(name).as_bool().or_else(|| environment(&[variable])?.parse().ok())
}

fn first<'a>(block: &'a Record, name: &str) -> Option<&'a Value> {
    block.get(name).as_list()?.first()
}

fn environment(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
}
