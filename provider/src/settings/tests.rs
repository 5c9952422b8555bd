use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use schemas::json;

use super::*;

fn block(text: &str) -> Record {
    json::parse(text).expect("valid JSON").as_map().cloned().expect("an object").into()
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::new(move |name| {
        variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    })
}

/// What the settings say beyond the defaults, one fact a line.
fn facts(settings: &Settings, credentials: &Credentials) -> Vec<String> {
    let defaults = Settings::default();
    let mut facts = vec![settings.address.clone()];
    let mut say = |differs: bool, fact: String| facts.extend(differs.then_some(fact));
    say(!settings.namespace.is_empty(), format!("namespace {}", settings.namespace));
    say(settings.retries != defaults.retries, format!("retries {}", settings.retries));
    let consistency = settings.consistency_retries;
    say(consistency != defaults.consistency_retries, format!("consistency retries {consistency}"));
    say(settings.proxy.is_some(), "proxy".to_owned());
    say(settings.product.is_some(), format!("product {:?}", settings.product));
    let headers: Vec<_> = settings.headers.iter().map(|(k, v)| format!("{k}={}", v.expose())).collect();
    say(!headers.is_empty(), format!("headers {headers:?}"));
    let tls = &settings.tls;
    let file = |file: &Option<PathBuf>| file.as_deref().map(Path::display).map(|file| file.to_string());
    say(tls.ca_file.is_some(), format!("ca file {:?}", file(&tls.ca_file)));
    say(tls.ca_dir.is_some(), format!("ca dir {:?}", file(&tls.ca_dir)));
    say(tls.ca_pem.is_some(), format!("ca pem {:?}", tls.ca_pem));
    say(tls.identity.is_some(), format!("identity {:?}", tls.identity));
    say(tls.server_name.is_some(), format!("server name {:?}", tls.server_name));
    say(tls.insecure, "insecure".to_owned());
    facts.extend(who(credentials));
    facts
}

fn who(credentials: &Credentials) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(token) = &credentials.token {
        facts.push(format!("token {}", token.expose()));
    }
    if let Some(login) = &credentials.login {
        let root = if login.use_root_namespace { " at root" } else { "" };
        let namespace = login.namespace.as_ref().map(|n| format!(" in {n}")).unwrap_or_default();
        facts.push(format!(
            "login {}{namespace}{root} {}",
            login.path,
            json::render(login.parameters.expose())
        ));
    }
    match &credentials.child {
        Some(child) if child.display_name == "terraform" && child.ttl.as_secs() == 1200 => {}
        Some(child) => facts.push(format!("child {} {}", child.display_name, child.ttl.as_secs())),
        None => facts.push("no child".to_owned()),
    }
    if !credentials.adopt_namespace {
        facts.push("own namespace".to_owned());
    }
    facts
}

#[track_caller]
fn check(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let (settings, credentials) = settings(&block(text), &environment(variables)).expect("settings");
    assert_eq!(facts(&settings, &credentials), expected);
}

/// `at` stands for an address and a token in the environment.
const AT: [(&str, &str); 2] = [("VAULT_ADDR", "http://h"), ("VAULT_TOKEN", "t")];

#[track_caller]
fn refuses(text: &str, variables: &[(&str, &str)], expected: &str) {
    let variables = [&AT, variables].concat();
    let found = settings(&block(text), &environment(&variables)).expect_err("a refusal");
    assert!(found.to_string().contains(expected), "{found}");
}

/// The block with an address and the login given.
#[track_caller]
fn logs_in(login: &str, variables: &[(&str, &str)], expected: &str) {
    let variables = [&AT, variables].concat();
    check(&format!("{{{login}}}"), &variables, &["http://h", expected]);
}

#[test]
fn the_environment_alone_is_enough() {
    check("{}", &AT, &["http://h", "token t"]);
    check("{}", &[("BAO_ADDR", "http://b"), ("BAO_TOKEN", "u")], &["http://b", "token u"]);
    let agent = [("VAULT_AGENT_ADDR", "http://agent"), ("VAULT_ADDR", "http://h"), ("VAULT_TOKEN", "t")];
    check("{}", &agent, &["http://agent", "token t"]);
}

#[test]
fn a_child_token_of_no_lifetime_has_the_usual_one() {
    check("{}", &[AT[0], AT[1], ("TERRAFORM_VAULT_MAX_TTL", "0")], &["http://h", "token t"]);
    check(r#"{"max_lease_ttl_seconds": 0}"#, &AT, &["http://h", "token t"]);
    let both = [AT[0], AT[1], ("TERRAFORM_VAULT_MAX_TTL", "60")];
    check(r#"{"max_lease_ttl_seconds": 0}"#, &both, &["http://h", "token t", "child terraform 60"]);
}

#[test]
fn the_block_wins_over_the_environment() {
    let variables = [
        ("VAULT_ADDR", "http://env"),
        ("VAULT_AGENT_ADDR", "http://agent"),
        ("VAULT_TOKEN", "env"),
        ("VAULT_NAMESPACE", "env"),
        ("VAULT_MAX_RETRIES", "9"),
        ("VAULT_MAX_RETRIES_CCC", "9"),
        ("VAULT_CACERT", "env.pem"),
        ("VAULT_SKIP_VERIFY", "1"),
        ("VAULT_TLS_SERVER_NAME", "env"),
        ("VAULT_TOKEN_NAME", "env"),
        ("TERRAFORM_VAULT_MAX_TTL", "9"),
        ("VAULT_SET_NAMESPACE_FROM_TOKEN", "t"),
    ];
    check(
        r#"{"address": "http://block", "token": "block", "namespace": "block", "max_retries": 0,
            "max_retries_ccc": 1, "ca_cert_file": "block.pem", "skip_tls_verify": false,
            "tls_server_name": "block", "token_name": "block", "max_lease_ttl_seconds": 60,
            "set_namespace_from_token": false}"#,
        &variables,
        &[
            "http://block",
            "namespace block",
            "retries 0",
            "consistency retries 1",
            r#"ca file Some("block.pem")"#,
            r#"server name Some("block")"#,
            "token block",
            "child block 60",
            "own namespace",
        ],
    );
    check(
        "{}",
        &variables,
        &[
            "http://agent",
            "namespace env",
            "retries 9",
            "consistency retries 9",
            r#"ca file Some("env.pem")"#,
            r#"server name Some("env")"#,
            "insecure",
            "token env",
            "child env 9",
        ],
    );
}

#[test]
fn empty_arguments_count_as_absent() {
    let text =
        r#"{"address": "", "token": "", "namespace": "", "max_lease_ttl_seconds": 0, "auth_login": []}"#;
    check(text, &AT, &["http://h", "token t"]);
}

#[test]
fn certificates_and_headers() {
    check(
        r#"{"ca_cert_dir": "/certs", "client_auth": [{"cert_file": "c", "key_file": "k"}],
            "headers": [{"name": "x-a", "value": "1"}, {"name": "x-b", "value": "2"}]}"#,
        &[&AT[..], &[("VAULT_CACERT_BYTES", "PEM"), ("VAULT_PROXY_ADDR", "http://p")]].concat(),
        &[
            "http://h",
            "proxy",
            r#"headers ["x-a=1", "x-b=2"]"#,
            r#"ca dir Some("/certs")"#,
            r#"ca pem Some("PEM")"#,
            r#"identity Some(("c", "k"))"#,
            "token t",
        ],
    );
}

#[test]
fn a_version_can_be_given_or_left_unasked() {
    let at = |fact: &str| vec!["http://h".to_owned(), fact.to_owned(), "token t".to_owned()];
    for (text, fact) in [
        (r#"{"skip_get_vault_version": true}"#, "product Some(Unknown)"),
        (r#"{"vault_version_override": "1.19.0"}"#, "product Some(Vault(Version(1, 19, 0)))"),
        (
            r#"{"vault_version_override": "2.2.0+ent", "skip_get_vault_version": true}"#,
            "product Some(VaultEnterprise(Version(2, 2, 0)))",
        ),
    ] {
        let expected = at(fact);
        check(text, &AT, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    refuses(r#"{"vault_version_override": "new"}"#, &[], "`vault_version_override` is `new`");
}

#[test]
fn the_child_token_can_be_left_out() {
    check(r#"{"skip_child_token": true}"#, &AT, &["http://h", "token t", "no child"]);
    let variables = [&AT[..], &[("TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "T")]].concat();
    check("{}", &variables, &["http://h", "token t", "no child"]);
    check(r#"{"skip_child_token": false}"#, &variables, &["http://h", "token t"]);
}

#[test]
fn a_login_replaces_a_token() {
    logs_in(
        r#""auth_login": [{"path": "auth/approle/login/", "parameters": {"role_id": "r", "namespace": "old"}}]"#,
        &[],
        r#"login auth/approle/login in old {"role_id":"r"}"#,
    );
    logs_in(
        r#""auth_login": [{"path": "auth/ldap/login/me", "namespace": "ns", "use_root_namespace": true}]"#,
        &[],
        "login auth/ldap/login/me in ns at root {}",
    );
}

#[test]
fn logins_with_arguments_and_with_the_environment() {
    logs_in(
        r#""auth_login_userpass": [{"username": "me", "password": "pw", "mount": "/people/"}]"#,
        &[],
        r#"login auth/people/login/me {"password":"pw"}"#,
    );
    logs_in(
        r#""auth_login_userpass": [{}]"#,
        &[("TERRAFORM_VAULT_USERNAME", "me"), ("TERRAFORM_VAULT_PASSWORD", "pw")],
        r#"login auth/userpass/login/me {"password":"pw"}"#,
    );
    logs_in(
        r#""auth_login_jwt": [{"role": "ci", "namespace": "ns"}]"#,
        &[("TERRAFORM_VAULT_AUTH_JWT", "j"), ("TERRAFORM_VAULT_AUTH_DISTRIBUTED_CLAIM_ACCESS_TOKEN", "d")],
        r#"login auth/jwt/login in ns {"distributed_claim_access_token":"d","jwt":"j","role":"ci"}"#,
    );
}

#[test]
fn a_password_can_stand_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, " pass word \n").expect("written");
    let login =
        format!(r#""auth_login_userpass": [{{"username": "me", "password_file": "{}"}}]"#, file.display());
    logs_in(&login, &[], r#"login auth/userpass/login/me {"password":" pass word "}"#);
}

#[test]
fn a_login_says_what_it_lacks() {
    refuses(r#"{"auth_login_userpass": [{"username": "me"}]}"#, &[], "`TERRAFORM_VAULT_PASSWORD`");
    refuses(r#"{"auth_login_jwt": [{"role": "ci"}]}"#, &[], "the login has no `jwt`");
    refuses(r#"{"auth_login_token_file": [{}]}"#, &[], "`TERRAFORM_VAULT_TOKEN_FILENAME`");
    refuses(r#"{"auth_login": [{"path": "auth/aws/login", "method": "aws"}]}"#, &[], "`method = \"aws\"`");
}

#[test]
fn there_is_one_login_at_most() {
    let text = r#"{"auth_login": [{"path": "p"}], "auth_login_aws": [{"role": "r"}]}"#;
    refuses(text, &[], "more than one login: `auth_login`, `auth_login_aws`");
    refuses(r#"{"auth_login": [{"path": "p"}, {"path": "q"}]}"#, &[], "more than one login: `auth_login`");
}

#[test]
fn logins_that_are_not_built_say_so() {
    for name in NOT_YET {
        let text = format!(r#"{{"{name}": [{{"role": "r", "mount": "m"}}]}}"#);
        refuses(&text, &[], &format!("`{name}` is not built yet"));
    }
}

#[test]
fn every_login_block_is_known() {
    use schemas::shape::Declared as _;
    let declared = schemas::kind::fields(crate::block::ProviderBlock::PARTS)
        .map(|field| field.name)
        .filter(|name| name.starts_with("auth_login"));
    for name in declared {
        assert!(LOGINS.contains(&name) || NOT_YET.contains(&name), "{name}");
    }
}

#[test]
fn what_the_environment_holds_is_checked() {
    refuses("{}", &[("VAULT_SKIP_VERIFY", "yes")], "`VAULT_SKIP_VERIFY` must be true or false");
    refuses("{}", &[("VAULT_MAX_RETRIES", "-1")], "`VAULT_MAX_RETRIES` must be a number");
    refuses("{}", &[("TERRAFORM_VAULT_MAX_TTL", "1h")], "`TERRAFORM_VAULT_MAX_TTL` must be a number");
    refuses("{}", &[("TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "no")], "`TERRAFORM_VAULT_SKIP_CHILD_TOKEN`");
    refuses(r#"{"max_retries": -1}"#, &[], "`max_retries` is -1");
}

#[test]
fn hints_name_the_argument_or_the_variable_that_was_read() {
    let named = |text: &str, variables: &[(&str, &str)]| {
        let origins = settings(&block(text), &environment(variables)).expect("settings").0.origins;
        [origins.address.names(), origins.token.names(), origins.namespace.names()]
    };
    let all = r#"{"address": "http://h", "token": "t", "namespace": "n"}"#;
    assert_eq!(named(all, &AT), ["`address`", "`token`", "`namespace`"]);
    let variables = [("BAO_ADDR", "http://b"), ("VAULT_ADDR", "http://h"), ("VAULT_TOKEN", "t")];
    let expected = ["`BAO_ADDR`", "`VAULT_TOKEN`", "`BAO_NAMESPACE` or `VAULT_NAMESPACE`"];
    assert_eq!(named("{}", &variables), expected);
}

#[test]
fn an_address_must_come_from_somewhere() {
    let found = settings(&Record::new(), &environment(&[])).expect_err("a refusal");
    assert_eq!(
        found.to_string(),
        "the server's address is not known\nhint: set `address`, `BAO_ADDR` or `VAULT_ADDR`"
    );
}

#[test]
fn an_argument_that_is_not_known_yet_is_named() {
    for value in [Value::Unknown, Value::List(vec![Value::Map([("path".to_owned(), Value::Unknown)].into())])]
    {
        let block = Record::new().with("auth_login", value);
        let found = settings(&block, &environment(&AT)).expect_err("a refusal");
        assert_eq!(found.summary, "the provider's `auth_login` is not known yet");
    }
}

#[track_caller]
fn check_token_file(mode: u32, text: &str, expected: Result<&str, &str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, text).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
    let block = block(&format!(r#"{{"auth_login_token_file": [{{"filename": "{}"}}]}}"#, file.display()));
    let got = settings(&block, &environment(&AT));
    match (got, expected) {
        (Ok((_, credentials)), Ok(expected)) => assert_eq!(who(&credentials), [expected, "no child"]),
        (Err(found), Err(expected)) => {
            assert!(found.summary.contains(expected) && !found.to_string().contains("s.secret"), "{found}");
        }
        (got, _) => panic!("{got:?}"),
    }
}

#[test]
fn a_token_file_is_one_line_and_its_owners_alone() {
    check_token_file(0o600, "s.secret\n", Ok("token s.secret"));
    check_token_file(0o400, "s.secret", Ok("token s.secret"));
    check_token_file(0o640, "s.secret\n", Err("may be read by others (mode 640)"));
    check_token_file(0o604, "s.secret\n", Err("(mode 604)"));
    check_token_file(0o600, "s.secret\nmore", Err("must hold one line"));
    check_token_file(0o600, "\n", Err("must hold one line"));
}

#[test]
fn a_token_file_that_is_not_there_is_named() {
    refuses(
        r#"{"auth_login_token_file": [{"filename": "/no/such/file"}]}"#,
        &[],
        "`/no/such/file` cannot be read",
    );
}

#[test]
fn the_home_folder_holds_a_token_or_names_a_helper() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().display().to_string();
    let variables = [("VAULT_ADDR", "http://h"), ("HOME", home.as_str())];
    check("{}", &variables, &["http://h", "token "]);
    std::fs::write(folder.path().join(".vault"), "token_helper = \"/bin/helper\"\n").expect("written");
    let found = settings(&Record::new(), &environment(&variables)).expect_err("a refusal");
    assert!(found.detail.contains("names a token helper, and none is run"), "{found}");
    std::fs::write(folder.path().join(".vault-token"), "s.home\n").expect("written");
    check("{}", &variables, &["http://h", "token s.home"]);
}

#[test]
fn what_has_no_effect_is_said() {
    let said = |text: &str, variables: &[(&str, &str)]| -> Vec<_> {
        warnings(&block(text), &environment(variables)).into_iter().map(|w| w.summary).collect()
    };
    assert_eq!(said(r#"{"add_address_to_env": "true"}"#, &[]), ["`add_address_to_env` has no effect"]);
    assert_eq!(
        said(r#"{"token": "t", "auth_login_jwt": [{"role": "r"}]}"#, &[]),
        ["`token` has no effect beside `auth_login_jwt`"]
    );
    let of_child = ["`token_name` has no effect", "`max_lease_ttl_seconds` has no effect"];
    let named = r#"{"token_name": "n", "max_lease_ttl_seconds": 60}"#;
    assert_eq!(said(named, &[("TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "true")]), of_child);
    assert!(said(named, &[]).is_empty());
    assert_eq!(
        said(r#"{"auth_login_token_file": [{"filename": "f", "namespace": "n"}], "token_name": "n"}"#, &[]),
        ["`token_name` has no effect", "`namespace` has no effect in `auth_login_token_file`"]
    );
    assert_eq!(
        said(r#"{"headers": [{"name": "X-Vault-Token", "value": "t"}, {"name": "X-A", "value": "b"}]}"#, &[]),
        ["the header `x-vault-token` has no effect where `token` says otherwise"]
    );
    assert_eq!(
        said("{}", &[("TERRAFORM_VAULT_LOG_BODY", "true"), ("TERRAFORM_VAULT_LOG_REQUEST_BODY", "0")]),
        ["`TERRAFORM_VAULT_LOG_BODY` has no effect"]
    );
    assert!(said(r#"{"add_address_to_env": "false", "token": "t"}"#, &[]).is_empty());
}

/// Every argument of the incumbent's block changes what is used, or is answered by a warning.
#[test]
fn no_argument_is_dropped_in_silence() {
    let arguments = [
        r#""address": "http://other""#,
        r#""add_address_to_env": "true""#,
        r#""ca_cert_dir": "d""#,
        r#""ca_cert_file": "f""#,
        r#""max_lease_ttl_seconds": 60"#,
        r#""max_retries": 9"#,
        r#""max_retries_ccc": 9"#,
        r#""namespace": "n""#,
        r#""set_namespace_from_token": false"#,
        r#""skip_child_token": true"#,
        r#""skip_get_vault_version": true"#,
        r#""skip_tls_verify": true"#,
        r#""tls_server_name": "n""#,
        r#""token": "other""#,
        r#""token_name": "n""#,
        r#""vault_version_override": "1.19.0""#,
        r#""client_auth": [{"cert_file": "c", "key_file": "k"}]"#,
        r#""headers": [{"name": "x", "value": "y"}]"#,
    ];
    let variables = [("VAULT_ADDR", "http://h"), ("VAULT_TOKEN", "t")];
    let seen = |text: &str| {
        let (settings, credentials) = settings(&block(text), &environment(&variables)).expect("settings");
        let adopts = format!("adopts {}", credentials.adopt_namespace);
        let said = warnings(&block(text), &environment(&variables)).into_iter().map(|w| w.summary);
        facts(&settings, &credentials).into_iter().chain([adopts]).chain(said).collect::<Vec<_>>()
    };
    for argument in arguments {
        assert_ne!(seen(&format!("{{{argument}}}")), seen("{}"), "{argument}");
    }
    let attributes: Vec<_> =
        schemas::kind::fields(<crate::block::ProviderBlock as schemas::shape::Declared>::PARTS)
            .map(|field| field.name)
            .filter(|name| !name.starts_with("auth_login"))
            .collect();
    let unchecked: Vec<_> = attributes
        .into_iter()
        .filter(|name| !arguments.iter().any(|a| a.starts_with(&format!("\"{name}\""))))
        .collect();
    assert!(unchecked.is_empty(), "{unchecked:?}");
}

#[test]
fn a_secret_of_the_block_is_never_printed() {
    let text = r#"{"token": "hunter2", "address": "http://me:hunter2@h",
        "headers": [{"name": "x", "value": "hunter2"}]}"#;
    let printed = format!("{:?}", settings(&block(text), &environment(&AT)).expect("settings"));
    assert!(!printed.contains("hunter2"), "{printed}");
    let text = r#"{"auth_login_userpass": [{"username": "me", "password": "hunter2"}]}"#;
    let printed = format!("{:?}", settings(&block(text), &environment(&AT)).expect("settings"));
    assert!(!printed.contains("hunter2"), "{printed}");
}
