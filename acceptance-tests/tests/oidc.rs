//! What OpenID Connect is for: others check our tokens by our public keys, people sign in at applications, and an auth
//! method takes an identity token. On both servers.

use acceptance_tests::http::{Call, Reply};
use acceptance_tests::{Flavor, Server};
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-0001";
const CALLBACK: &str = "https://app.example/cb";

/// Runs `body` on both servers.
#[track_caller]
fn on_both(body: impl Fn(&Server) -> Result<(), String>) {
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        Server::with(flavor, &body).unwrap_or_else(|problem| panic!("{}: {problem}", flavor.name()));
    }
}

/// Somebody who has logged in: token and id of the entity.
fn person(server: &Server, name: &str) -> Result<(String, String), String> {
    server.must("POST", "sys/auth/userpass", Some(&json!({"type": "userpass"})))?;
    let policy = json!({"policy": "path \"identity/oidc/token/*\" { capabilities = [\"read\"] }"});
    server.must("POST", "sys/policies/acl/tokens", Some(&policy))?;
    let user = json!({"password": "pw", "token_policies": "tokens"});
    server.must("POST", &format!("auth/userpass/users/{name}"), Some(&user))?;
    let login = format!("auth/userpass/login/{name}");
    let answer = server.must("POST", &login, Some(&json!({"password": "pw"})))?;
    Ok((text(&answer, "/auth/client_token"), text(&answer, "/auth/entity_id")))
}

fn text(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// GET by whoever has `token`; nobody if it is empty.
fn get(server: &Server, path: &str, token: &str) -> Result<Value, String> {
    let mut call = Call::new("GET", &format!("/v1/{path}"));
    if !token.is_empty() {
        call = call.header("X-Vault-Token", token);
    }
    succeeded(call.send(&server.address)?)
}

fn succeeded(reply: Reply) -> Result<Value, String> {
    let body = reply.json();
    if reply.status < 400 { Ok(body) } else { Err(format!("{} {body}", reply.status)) }
}

/// The claims of `token`, if a key of `keys` has signed it with its own algorithm.
fn verified(token: &str, keys: &Value) -> Result<Value, String> {
    let header = part(token, 0)?;
    let named = |key: &&Value| key["kid"] == header["kid"] && key["alg"] == header["alg"];
    let key = keys["keys"].as_array().and_then(|keys| keys.iter().find(named)).ok_or("no such key")?;
    let algorithm = match text(&header, "/alg").as_str() {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        "ES512" => return verified_by_p521(token, key),
        other => return Err(format!("`{other}` is no algorithm")),
    };
    let jwk: Jwk = serde_json::from_value(key.clone()).map_err(|error| error.to_string())?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(algorithm);
    validation.validate_aud = false;
    decode::<Value>(token, &key, &validation).map(|data| data.claims).map_err(|error| error.to_string())
}

/// The library above does not know this curve.
fn verified_by_p521(token: &str, key: &Value) -> Result<Value, String> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string());
    let (x, y) = (bytes(&text(key, "/x"))?, bytes(&text(key, "/y"))?);
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let (message, signature) = token.rsplit_once('.').ok_or("no signature")?;
    let key = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
    key.verify(message.as_bytes(), &bytes(signature)?).map_err(|_| "a wrong signature".to_owned())?;
    part(token, 1)
}

/// Header or claims, unchecked.
fn part(token: &str, index: usize) -> Result<Value, String> {
    let part = token.split('.').nth(index).ok_or("a part is missing")?;
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

#[test]
fn every_algorithm_verifies_by_the_published_keys() {
    on_both(|server| {
        let (token, entity) = person(server, "ada")?;
        for algorithm in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"] {
            let key = json!({"algorithm": algorithm, "allowed_client_ids": "*"});
            server.must("POST", &format!("identity/oidc/key/{algorithm}"), Some(&key))?;
            let role = json!({
                "key": algorithm, "client_id": "app", "ttl": "1h", "template": "{\"name\": {{identity.entity.name}}}"
            });
            server.must("POST", &format!("identity/oidc/role/{algorithm}"), Some(&role))?;
            let signed =
                text(&get(server, &format!("identity/oidc/token/{algorithm}"), &token)?, "/data/token");
            let keys = get(server, "identity/oidc/.well-known/keys", "")?;
            let claims = verified(&signed, &keys).map_err(|problem| format!("{algorithm}: {problem}"))?;
            let issuer = text(&get(server, "identity/oidc/.well-known/openid-configuration", "")?, "/issuer");
            assert_eq!(part(&signed, 0)?["alg"], algorithm);
            assert_eq!(
                json!([claims["iss"], claims["sub"], claims["aud"], claims["namespace"]]),
                json!([issuer, entity, "app", "root"])
            );
            assert_eq!(
                claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, begin)| end - begin),
                Some(3600)
            );
            let (rest, _) = signed.rsplit_once('.').ok_or("no signature")?;
            assert!(verified(&format!("{rest}.{}", URL_SAFE_NO_PAD.encode([0; 64])), &keys).is_err());
            // The former pair verifies after a rotation, the next one signs.
            server.must("POST", &format!("identity/oidc/key/{algorithm}/rotate"), Some(&json!({})))?;
            let next =
                text(&get(server, &format!("identity/oidc/token/{algorithm}"), &token)?, "/data/token");
            let keys = get(server, "identity/oidc/.well-known/keys", "")?;
            assert_ne!(part(&signed, 0)?["kid"], part(&next, 0)?["kid"]);
            verified(&signed, &keys).and(verified(&next, &keys))?;
        }
        Ok(())
    });
}

/// Signs somebody in at the client `name` of the provider `default`: answers what the client has got, and its code.
fn sign_in(server: &Server, person: &str, name: &str) -> Result<(Value, String), String> {
    let client = server.must("GET", &format!("identity/oidc/client/{name}"), None)?;
    let (id, secret) = (text(&client, "/data/client_id"), text(&client, "/data/client_secret"));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let path = format!(
        "identity/oidc/provider/default/authorize?client_id={id}&redirect_uri={CALLBACK}&scope=openid%20profile\
         &response_type=code&state=s&nonce=n&max_age=3600&code_challenge={challenge}&code_challenge_method=S256"
    );
    let answer = get(server, &path, person)?;
    assert_eq!(answer["state"], "s");
    let code = text(&answer, "/code");
    let mut body = json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER
    });
    let mut call = Call::new("POST", "/v1/identity/oidc/provider/default/token");
    if secret.is_empty() {
        body["client_id"] = json!(id);
    } else {
        call = call.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
    }
    Ok((succeeded(call.json(&body).send(&server.address)?)?, code))
}

#[test]
fn a_person_signs_in_at_a_confidential_and_at_a_public_client() {
    on_both(|server| {
        let (token, entity) = person(server, "ada")?;
        let scope = json!({"template": "{\"name\": {{identity.entity.name}}}"});
        server.must("POST", "identity/oidc/scope/profile", Some(&scope))?;
        server.must(
            "POST",
            "identity/oidc/provider/default",
            Some(&json!({"scopes_supported": "profile"})),
        )?;
        let name = text(&server.must("GET", &format!("identity/entity/id/{entity}"), None)?, "/data/name");
        for kind in ["confidential", "public"] {
            let client = json!({"client_type": kind, "redirect_uris": CALLBACK, "assignments": "allow_all"});
            server.must("POST", &format!("identity/oidc/client/{kind}"), Some(&client))?;
            let (tokens, code) = sign_in(server, &token, kind)?;
            let keys = get(server, "identity/oidc/provider/default/.well-known/keys", "")?;
            let claims = verified(&text(&tokens, "/id_token"), &keys)?;
            let half = |text: &str| URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]);
            let access = text(&tokens, "/access_token");
            assert_eq!(
                json!([claims["sub"], claims["nonce"], claims["name"], claims["at_hash"], claims["c_hash"]]),
                json!([entity, "n", name, half(&access), half(&code)])
            );
            assert!(claims["auth_time"].as_i64() <= claims["iat"].as_i64() && claims["auth_time"].is_i64());
            let call = Call::new("GET", "/v1/identity/oidc/provider/default/userinfo");
            let call = call.header("Authorization", &format!("Bearer {access}"));
            assert_eq!(succeeded(call.send(&server.address)?)?, json!({"sub": entity, "name": name}));
        }
        Ok(())
    });
}

#[test]
fn an_identity_token_logs_in_at_the_server_that_has_issued_it() {
    on_both(|server| {
        let (token, entity) = person(server, "ada")?;
        server.must("POST", "sys/auth/jwt", Some(&json!({"type": "jwt"})))?;
        let key = json!({"algorithm": "ES256", "allowed_client_ids": "*"});
        server.must("POST", "identity/oidc/key/k", Some(&key))?;
        let role = json!({"key": "k", "client_id": "jwt", "template": "{\"team\": \"blue\"}"});
        server.must("POST", "identity/oidc/role/r", Some(&role))?;
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": "jwt", "bound_claims": {"team": "blue"}
        });
        let issuer = format!("{}/v1/identity/oidc", server.url());
        for config in [
            json!({"oidc_discovery_url": issuer, "bound_issuer": issuer}),
            json!({"oidc_discovery_url": "", "jwks_url": format!("{issuer}/.well-known/keys"), "bound_issuer": issuer}),
        ] {
            server.must("POST", "auth/jwt/config", Some(&config))?;
            server.must("POST", "auth/jwt/role/r", Some(&role))?;
            let signed = text(&get(server, "identity/oidc/token/r", &token)?, "/data/token");
            let login = json!({"role": "r", "jwt": signed});
            let answer = server.must("POST", "auth/jwt/login", Some(&login))?;
            assert_eq!(answer["auth"]["token_type"], "service");
            let own = text(&answer, "/auth/entity_id");
            let alias = server.must("GET", &format!("identity/entity/id/{own}"), None)?;
            assert_eq!(alias["data"]["aliases"][0]["name"], entity);
            let forged = format!("{}.AAAA", signed.rsplit_once('.').ok_or("no signature")?.0);
            let login = json!({"role": "r", "jwt": forged});
            assert_eq!(server.request("POST", "auth/jwt/login", "", Some(&login))?.0, 400);
        }
        Ok(())
    });
}
