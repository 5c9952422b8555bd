use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::Jwt;
use super::key::{ALGORITHMS, Jwk, Key};
use super::signed::Signed;
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::{AuthGrant, Grant};
use crate::core::testing::Harness;
use crate::engines::transcripts::check as check_transcript;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key of each kind.
struct Signer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Signer {
    fn new() -> Self {
        let ecdsa = |how| EcdsaKeyPair::generate(how).expect("a key");
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            p256: ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            p384: ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            p521: ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            ed25519: Ed25519KeyPair::generate().expect("a key"),
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let ecdsa = |key: &EcdsaKeyPair| key.sign(&random, message).expect("signed").as_ref().to_vec();
        let rsa = |how: &'static dyn signature::RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(how, &random, message, &mut signature).expect("signed");
            signature
        };
        match algorithm {
            "RS256" => rsa(&signature::RSA_PKCS1_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_SHA256),
            "PS384" => rsa(&signature::RSA_PSS_SHA384),
            "PS512" => rsa(&signature::RSA_PSS_SHA512),
            "ES256" => ecdsa(&self.p256),
            "ES384" => ecdsa(&self.p384),
            "ES512" => ecdsa(&self.p521),
            "EdDSA" => self.ed25519.sign(message).as_ref().to_vec(),
            _ => Vec::new(),
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of_text(header, &claims.to_string())
    }

    fn token_of_text(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims));
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", base64(signature))
    }

    /// The public keys, as a key set.
    fn key_set(&self) -> Value {
        let point = |kid: &str, curve: &str, key: &EcdsaKeyPair| {
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kid": kid, "kty": "EC", "crv": curve, "x": base64(x), "y": base64(y)})
        };
        let rsa = self.rsa.public_key();
        let (n, e) = (
            rsa.modulus().big_endian_without_leading_zero(),
            rsa.exponent().big_endian_without_leading_zero(),
        );
        json!({"keys": [
            {"kid": "rsa", "kty": "RSA", "n": base64(n), "e": base64(e)},
            point("p256", "P-256", &self.p256),
            point("p384", "P-384", &self.p384),
            point("p521", "P-521", &self.p521),
            {"kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": base64(self.ed25519.public_key().as_ref())},
            {"kid": "shared", "kty": "oct", "k": "AAAA"},
        ]})
    }

    fn verifies(&self, token: &str) -> bool {
        let keys = self.key_set()["keys"].as_array().expect("keys").clone();
        let jwks = keys.into_iter().map(|key| serde_json::from_value::<Jwk>(key).expect("a key"));
        let signed = Signed::parse(token).expect("three parts");
        jwks.filter_map(|jwk| jwk.key()).any(|key| signed.claims_by(&key).is_some())
    }
}

fn claims() -> Value {
    // The harness stands at 2026-01-02T03:04:05Z.
    json!({"iss": "issuer", "sub": "ada", "aud": "lockstep", "iat": 1_767_323_045, "exp": 1_767_323_645})
}

#[test]
fn every_algorithm_is_checked_with_its_own_kind_of_key() {
    let signer = Signer::new();
    for algorithm in ALGORITHMS {
        let token = signer.token(&json!({"alg": algorithm}), &claims());
        assert!(signer.verifies(&token), "{algorithm}");
        let (rest, _) = token.rsplit_once('.').expect("a signature");
        assert!(
            !signer.verifies(&format!("{rest}.{}", base64([0; 64]))),
            "{algorithm} with another signature"
        );
        let (_, signature) = token.rsplit_once('.').expect("a signature");
        let other = signer.token(&json!({"alg": algorithm}), &json!({"sub": "eve"}));
        let (message, _) = other.rsplit_once('.').expect("a signature");
        assert!(!signer.verifies(&format!("{message}.{signature}")), "{algorithm} with other claims");
    }
}

#[test]
fn half_a_pair_of_escapes_is_a_letter_that_is_none() {
    let signer = Signer::new();
    let token = signer.token_of_text(&json!({"alg": "EdDSA"}), r#"{"sub":"a\ud83d"}"#);
    let key = Key::Ed25519(signer.ed25519.public_key().as_ref().to_vec());
    let claims = Signed::parse(&token).expect("three parts").claims_by(&key).expect("signed");
    assert_eq!(claims["sub"], "a\u{fffd}");
}

#[test]
fn a_point_that_is_not_on_its_curve_is_no_key() {
    let key = |x: &[u8]| {
        let y = hex::decode("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5").expect("hex");
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y)});
        serde_json::from_value::<Jwk>(jwk).expect("a key").key()
    };
    let x = hex::decode("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296").expect("hex");
    assert!(key(&x).is_some(), "the base point");
    assert!(key(&[7; 32]).is_none());
    let header = json!({"alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": base64([7; 32]), "y": base64([7; 32])}});
    assert!(Signed::parse(&Signer::new().token(&header, &claims())).is_err());
}

#[test]
fn a_token_of_any_length_is_not_read() {
    assert!(Signed::parse(&".".repeat(100)).is_err());
    assert!(Signed::parse(&"a".repeat(2 << 20)).expect_err("too long").contains("longer than"));
}

#[test]
fn no_signature_and_shared_secrets_are_worth_nothing() {
    let signer = Signer::new();
    for algorithm in ["none", "None", "", "HS256", "HS384", "HS512"] {
        assert!(!signer.verifies(&signer.token(&json!({"alg": algorithm}), &claims())), "{algorithm}");
    }
    let public = signer.key_set().to_string();
    let message = format!("{}.{}", base64(json!({"alg": "HS256"}).to_string()), base64(claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    assert!(!signer.verifies(&format!("{message}.{}", base64(tag))));
}

#[test]
fn extensions_that_a_reader_must_know_are_refused() {
    let signer = Signer::new();
    let header = json!({"alg": "ES256", "crit": ["b64"], "b64": false});
    assert!(!signer.verifies(&signer.token(&header, &claims())));
}

/// A server of one key set; counts how often it is asked.
struct KeyServer {
    url: String,
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    /// Milliseconds that an answer takes.
    delay: Arc<AtomicU64>,
}

impl KeyServer {
    async fn start(keys: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keys = Arc::new(Mutex::new(keys));
        let asked = Arc::new(AtomicUsize::new(0));
        let delay = Arc::new(AtomicU64::new(0));
        let (served, count, own) = (Arc::clone(&keys), Arc::clone(&asked), url.clone());
        let pause = Arc::clone(&delay);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(pause.load(Ordering::SeqCst))).await;
                let is_keys = request[..length].starts_with(b"GET /jwks");
                let body = if is_keys {
                    count.fetch_add(1, Ordering::SeqCst);
                    served.lock().to_string()
                } else {
                    json!({"issuer": own, "jwks_uri": format!("{own}/jwks")}).to_string()
                };
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { url, keys, asked, delay }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn with_config(config: Value) -> Harness {
    let harness = Harness::new(Jwt::default()).await;
    harness.write("config", config).await.expect("a good configuration");
    let role =
        json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": "lockstep", "policies": "app"});
    harness.write("role/deploy", role).await.expect("a good role");
    harness
}

async fn login(harness: &Harness, token: &str) -> Result<AuthGrant, Error> {
    let body = json!({"role": "Deploy", "jwt": token});
    match harness.call(Operation::Update, "login", body).await?.grant {
        Grant::Login(grant) => Ok(*grant),
        other => panic!("no login: {other:?}"),
    }
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, status: u16, message: &str) {
    let error = result.expect_err(message);
    assert_eq!((error.status().as_u16(), error.messages(false).join("; ").as_str()), (status, message));
}

const UNVERIFIED: &str =
    "error validating token: error verifying token signature: failed to verify id token signature";

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_keys_that_are_new() {
    let (signer, other) = (Signer::new(), Signer::new());
    let server = KeyServer::start(signer.key_set()).await;
    let harness = with_config(json!({"jwks_url": format!("{}/jwks", server.url)})).await;
    let before = server.asked();
    for header in [
        json!({"alg": "RS256", "kid": "rsa"}),
        json!({"alg": "ES512", "kid": "p521"}),
        json!({"alg": "EdDSA"}),
    ] {
        let grant = login(&harness, &signer.token(&header, &claims())).await.expect("a login");
        assert_eq!((grant.display_name.as_str(), grant.metadata["role"].as_str()), ("ada", "deploy"));
    }
    assert_eq!(server.asked(), before + 1, "one fetch for all");
    *server.keys.lock() = other.key_set();
    let rotated = other.token(&json!({"alg": "PS256", "kid": "rsa"}), &claims());
    login(&harness, &rotated).await.expect("the new keys");
    for _ in 0..20 {
        check_error(
            login(&harness, &other.token(&json!({"alg": "ES256", "kid": "new"}), &claims())).await,
            400,
            UNVERIFIED,
        );
    }
    assert!(server.asked() <= before + 3, "unknown keys do not make it ask for each login");
}

#[tokio::test]
async fn tokens_of_unknown_keys_wait_for_one_fetch_and_others_for_none() {
    let signer = Signer::new();
    let server = KeyServer::start(signer.key_set()).await;
    let harness = with_config(json!({"jwks_url": format!("{}/jwks", server.url)})).await;
    let good = signer.token(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
    login(&harness, &good).await.expect("a login");
    let before = server.asked();
    server.delay.store(1000, Ordering::SeqCst);
    let start = Instant::now();
    let bad = signer.token(&json!({"alg": "RS256", "kid": "new"}), &claims());
    let refused = futures::future::join_all((0..6).map(|_| login(&harness, &bad)));
    let (refused, served) = futures::join!(refused, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        login(&harness, &good).await.expect("a login beside them");
        start.elapsed()
    });
    refused.into_iter().for_each(|answer| check_error(answer, 400, UNVERIFIED));
    assert!(served < Duration::from_millis(900), "{served:?}");
    assert_eq!(server.asked(), before + 1, "one fetch for all");
}

#[tokio::test]
async fn a_token_of_another_key_than_it_names_is_refused() {
    let signer = Signer::new();
    let server = KeyServer::start(signer.key_set()).await;
    let harness = with_config(json!({"jwks_url": format!("{}/jwks", server.url)})).await;
    let token = signer.token(&json!({"alg": "RS256", "kid": "p256"}), &claims());
    check_error(login(&harness, &token).await, 400, UNVERIFIED);
    let shared = signer.token(&json!({"alg": "HS256", "kid": "shared"}), &claims());
    let error = login(&harness, &shared).await.expect_err("no shared secrets");
    assert!(error.messages(false)[0].contains("unexpected signature algorithm \"HS256\""));
}

#[tokio::test]
async fn the_keys_of_a_provider_are_where_it_says() {
    let signer = Signer::new();
    let server = KeyServer::start(signer.key_set()).await;
    let harness = with_config(json!({"oidc_discovery_url": server.url})).await;
    login(&harness, &signer.token(&json!({"alg": "ES256"}), &claims())).await.expect("a login");
    let config = harness.read("config").await.expect("there");
    assert_eq!(config["status"], "valid");
    let other = format!("{}/other", server.url);
    let message = format!(
        "error checking oidc discovery URL: issuer did not match the returned issuer, expected {other:?} got {:?}",
        server.url
    );
    check_error(harness.write("config", json!({"oidc_discovery_url": other})).await, 400, &message);
}

#[tokio::test]
async fn a_url_without_keys_is_refused_unless_that_is_wanted() {
    let harness = Harness::new(Jwt::default()).await;
    let url = "http://127.0.0.1:1/jwks";
    check_error(harness.write("config", json!({"jwks_url": url})).await, 400, "error checking jwks URL");
    let body = json!({"jwks_url": url, "skip_jwks_validation": true});
    let answer = harness.call(Operation::Update, "config", body).await.expect("taken");
    assert_eq!(answer.warnings, ["error checking jwks URL"]);
    let body = json!({"jwks_url": url, "jwks_ca_pem": "nonsense"});
    check_error(harness.write("config", body).await, 400, "error checking jwks_ca_pem");
}

#[tokio::test]
async fn the_client_secret_is_never_shown() {
    let signer = Signer::new();
    let server = KeyServer::start(signer.key_set()).await;
    let body =
        json!({"oidc_discovery_url": server.url, "oidc_client_id": "id", "oidc_client_secret": "s3cr3t"});
    let config = with_config(body).await.read("config").await.expect("there");
    assert_eq!(config["oidc_client_id"], "id");
    assert!(!config.to_string().contains("s3cr3t"));
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let signer = Signer::new();
    let server = KeyServer::start(signer.key_set()).await;
    let url = format!("{}/jwks", server.url);
    let harness = with_config(json!({"jwks_url": url})).await;
    let message = "OIDC login is not configured for this mount";
    check_error(harness.write("oidc/auth_url", json!({"role": "x"})).await, 400, message);
    let calls = [
        ("oidc/poll", json!({"state": "x"})),
        ("config", json!({"jwks_url": url, "provider_config": {"provider": "azure"}})),
    ];
    for (path, body) in calls {
        assert_eq!(harness.write(path, body).await.expect_err(path).status(), 501, "{path}");
    }
}

#[tokio::test]
async fn leeways_may_be_negative_and_claims_of_any_kind() {
    let harness = Harness::new(Jwt::default()).await;
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "expiration_leeway": -1, "not_before_leeway": "1h",
        "bound_claims": {"n": 5, "list": ["a", true]},
    });
    harness.write("role/x", role).await.expect("a good role");
    let role = harness.read("role/x").await.expect("there");
    assert_eq!((&role["expiration_leeway"], &role["not_before_leeway"]), (&json!(-1), &json!(3600)));
    assert_eq!(role["bound_claims"], json!({"n": 5, "list": ["a", true]}));
    let message = "error converting input for field \"expiration_leeway\": time: invalid duration \"soon\"";
    check_error(
        harness.write("role/x", json!({"expiration_leeway": "soon", "role_type": "jwt"})).await,
        400,
        message,
    );
}

#[tokio::test]
async fn jwt_answers_as_openbao() {
    check_transcript(include_str!("../../../tests/transcripts/jwt.md"), Jwt::default).await;
}
