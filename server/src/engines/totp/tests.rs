use std::time::Duration;

use serde_json::{Value, json};

use super::Totp;
use super::key::{Algorithm, StoredKey};
use crate::core::error::Error;
use crate::core::testing::Harness;

fn key(algorithm: Algorithm, secret: &[u8]) -> StoredKey {
    StoredKey {
        key: super::base32::encode(secret),
        issuer: String::new(),
        account_name: String::new(),
        period: 30,
        algorithm,
        digits: 8,
        skew: 1,
    }
}

#[test]
fn codes_are_those_of_rfc_6238() {
    let digits = b"1234567890123456789012345678901234567890123456789012345678901234";
    let keys = [
        key(Algorithm::Sha1, &digits[..20]),
        key(Algorithm::Sha256, &digits[..32]),
        key(Algorithm::Sha512, digits),
    ];
    let table = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (time, codes) in table {
        for (key, code) in keys.iter().zip(codes) {
            assert_eq!(key.code(time / 30), code, "{:?} at {time}", key.algorithm);
        }
    }
}

async fn mounted() -> Harness {
    let harness = Harness::new(Totp).await;
    harness.write("keys/a", json!({"key": "JBSWY3DPEHPK3PXP"})).await.expect("a key");
    harness
}

async fn code(harness: &Harness) -> Value {
    harness.read("code/a").await.expect("a code")["code"].clone()
}

async fn verify(harness: &Harness, code: &Value) -> Result<bool, String> {
    let answer = harness.write("code/a", json!({"code": code})).await;
    answer.map(|answer| answer["valid"] == json!(true)).map_err(|error: Error| error.messages(true).join(";"))
}

#[tokio::test]
async fn a_code_is_taken_once() {
    let mut harness = mounted().await;
    let code = code(&harness).await;
    assert_eq!(verify(&harness, &code).await, Ok(true));
    let again = verify(&harness, &code).await.expect_err("used");
    assert_eq!(again, "code already used; wait until the next time period");
    harness.now = harness.now.checked_add(Duration::from_secs(30)).expect("a time");
    verify(&harness, &code).await.expect_err("still within the skew");
}

#[tokio::test]
async fn a_code_is_good_for_one_period_more() {
    let mut harness = mounted().await;
    let code = code(&harness).await;
    harness.now = harness.now.checked_add(Duration::from_secs(30)).expect("a time");
    assert_eq!(verify(&harness, &code).await, Ok(true));
    let mut late = mounted().await;
    late.now = late.now.checked_add(Duration::from_secs(60)).expect("a time");
    assert_eq!(verify(&late, &code).await, Ok(false));
}

#[tokio::test]
async fn without_skew_only_the_present_code_is_good() {
    let mut harness = mounted().await;
    harness.write("keys/a", json!({"key": "JBSWY3DPEHPK3PXP", "skew": 0})).await.expect("a key");
    let code = code(&harness).await;
    harness.now = harness.now.checked_add(Duration::from_secs(30)).expect("a time");
    assert_eq!(verify(&harness, &code).await, Ok(false));
}

#[tokio::test]
async fn a_generated_key_is_told_once() {
    let harness = Harness::new(Totp).await;
    let input = json!({"generate": true, "issuer": "Ac me", "account_name": "x@y.z", "qr_size": 0});
    let answer = harness.write("keys/b", input).await.expect("a key");
    let url = answer["url"].as_str().expect("a URL");
    let start = "otpauth://totp/Ac%20me:x@y.z?algorithm=SHA1&digits=6&issuer=Ac%20me&period=30&secret=";
    assert_eq!(url.strip_prefix(start).map(str::len), Some(32), "{url}");
    assert!(answer.get("barcode").is_none());
    let shown = harness.read("keys/b").await.expect("there");
    assert_eq!(
        shown,
        json!({"account_name": "x@y.z", "algorithm": "SHA1", "digits": 6, "issuer": "Ac me", "period": 30})
    );
    // Whoever reads the URL makes the same codes.
    harness.write("keys/a", json!({"url": url})).await.expect("accepted");
    assert_eq!(code(&harness).await, harness.read("code/b").await.expect("a code")["code"]);
}
