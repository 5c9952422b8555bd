use std::sync::Arc;

use zeroize::Zeroizing;

use super::{InitRequest, Seal, SealStatus, SecretBytes, parse_share};
use crate::barrier::Barrier;
use crate::storage::{InmemStorage, Storage};

fn seal_over(storage: Arc<dyn Storage>) -> Seal {
    Seal::new(Barrier::new(storage))
}

fn new_seal() -> Seal {
    seal_over(Arc::new(InmemStorage::new()))
}

fn request(secret_shares: i64, secret_threshold: i64) -> InitRequest {
    InitRequest { secret_shares, secret_threshold, ..InitRequest::default() }
}

async fn init(seal: &Seal, shares: i64, threshold: i64) -> Vec<SecretBytes> {
    let draft = seal.begin_init(&request(shares, threshold)).await.unwrap();
    draft.transaction().put("core/first", "contents");
    draft.commit().await.unwrap()
}

/// Enters a share; answers `progress/threshold`, `unsealed`, or the error.
async fn enter(seal: &Seal, share: &SecretBytes) -> String {
    match seal.unseal_share(share.clone()).await {
        Ok(SealStatus { sealed: false, progress: 0, nonce, .. }) if nonce.is_empty() => "unsealed".to_owned(),
        Ok(status) => format!("{}/{}", status.progress, status.threshold),
        Err(error) => format!("{} {error}", error.status()),
    }
}

/// `shares` with the byte at `place` changed in the last of them.
fn spoil(share: &SecretBytes, place: usize) -> SecretBytes {
    let mut share = share.clone();
    share[place] ^= 0x10;
    share
}

#[tokio::test]
async fn numbers_of_shares_are_checked_as_openbao_checks_them() {
    let cases = [
        (0, 0, "shares must be at least one"),
        (-1, 3, "shares must be at least one"),
        (5, 0, "threshold must be at least one"),
        (5, -3, "threshold must be at least one"),
        (1, 0, "threshold must be at least one"),
        (5, 1, "threshold must be greater than one for multiple shares"),
        (3, 5, "threshold cannot be larger than shares"),
        (1, 2, "threshold cannot be larger than shares"),
        (256, 3, "shares must be less than 256"),
    ];
    let seal = new_seal();
    for (shares, threshold, text) in cases {
        let error = seal.begin_init(&request(shares, threshold)).await.err().unwrap();
        assert_eq!(error.to_string(), format!("invalid seal configuration: {text}"));
        assert_eq!(error.status(), 400);
    }
}

#[tokio::test]
async fn requests_that_cannot_be_honored_are_refused() {
    let recovery = InitRequest { recovery_shares: 5, recovery_threshold: 3, ..request(5, 3) };
    let one_pgp = InitRequest { pgp_keys: vec!["x".to_owned()], ..request(5, 3) };
    let pgp = InitRequest { pgp_keys: vec!["x".to_owned()], ..request(1, 1) };
    let root_pgp = InitRequest { root_token_pgp_key: "x".to_owned(), ..request(1, 1) };
    let cases = [
        (recovery, "parameters recovery_shares,recovery_threshold not applicable to seal type shamir"),
        (
            one_pgp,
            "invalid seal configuration: count mismatch between number of provided PGP keys and number of shares",
        ),
        (pgp, "encrypting shares or the root token for PGP keys is not supported"),
        (root_pgp, "encrypting shares or the root token for PGP keys is not supported"),
    ];
    let seal = new_seal();
    for (request, text) in cases {
        assert_eq!(seal.begin_init(&request).await.err().unwrap().to_string(), text);
    }
    assert!(!seal.is_initialized().await.unwrap());
}

#[tokio::test]
async fn a_server_is_initialized_once() {
    let seal = new_seal();
    init(&seal, 5, 3).await;
    let error = seal.begin_init(&request(5, 3)).await.err().unwrap();
    assert_eq!(error.to_string(), "Vault is already initialized");
}

#[tokio::test]
async fn a_draft_that_is_dropped_leaves_nothing() {
    let seal = new_seal();
    let draft = seal.begin_init(&request(5, 3)).await.unwrap();
    draft.transaction().put("core/first", "contents");
    drop(draft);
    assert!(!seal.is_initialized().await.unwrap());
    assert!(seal.barrier().storage().scan_keys("", None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn three_of_five_shares_unseal_and_the_first_contents_are_there() {
    let storage: Arc<dyn Storage> = Arc::new(InmemStorage::new());
    let shares = init(&seal_over(Arc::clone(&storage)), 5, 3).await;
    let seal = seal_over(storage);
    assert_eq!(enter(&seal, &shares[4]).await, "1/3");
    assert_eq!(enter(&seal, &shares[0]).await, "2/3");
    assert_eq!(enter(&seal, &shares[2]).await, "unsealed");
    assert_eq!(seal.barrier().get("core/first").await.unwrap().unwrap(), "contents");
    assert_eq!(enter(&seal, &shares[2]).await, "unsealed");
}

#[tokio::test]
async fn status_shows_the_progress_and_its_nonce() {
    let seal = new_seal();
    let status = seal.status().await.unwrap();
    assert_eq!((status.initialized, status.sealed, status.threshold, status.shares), (false, true, 0, 0));
    let shares = init(&seal, 5, 3).await;
    seal.unseal_share(shares[0].clone()).await.unwrap();
    let status = seal.status().await.unwrap();
    let nonce = status.nonce.clone();
    assert_eq!(nonce.len(), 36);
    assert_eq!(
        serde_json::to_string(&status).unwrap(),
        format!(
            r#"{{"type":"shamir","initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"nonce":"{nonce}","storage_type":"inmem"}}"#
        )
    );
    assert_eq!(seal.unseal_share(shares[1].clone()).await.unwrap().nonce, nonce);
    assert_eq!(seal.reset().await.unwrap().nonce, "");
    assert_ne!(seal.unseal_share(shares[1].clone()).await.unwrap().nonce, nonce);
}

#[tokio::test]
async fn a_share_that_is_entered_twice_counts_once() {
    let seal = new_seal();
    let shares = init(&seal, 5, 3).await;
    for share in [&shares[0], &shares[0]] {
        assert_eq!(enter(&seal, share).await, "1/3");
    }
}

#[tokio::test]
async fn a_wrong_last_share_starts_over() {
    let seal = new_seal();
    let shares = init(&seal, 5, 3).await;
    let wrong = "400 unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: \
                 cipher: message authentication failed";
    let combine = "400 invalid key: failed to compute combined key:";
    let cases = [
        (spoil(&shares[2], 5), wrong.to_owned()),
        (spoil(&shares[0], 0), format!("{combine} duplicate part detected")),
        (Zeroizing::new(shares[2][1..].to_vec()), format!("{combine} all parts must be the same length")),
    ];
    for (last, text) in cases {
        assert_eq!(enter(&seal, &shares[0]).await, "1/3");
        assert_eq!(enter(&seal, &shares[1]).await, "2/3");
        assert_eq!(enter(&seal, &last).await, text);
        assert_eq!(seal.status().await.unwrap().progress, 0);
    }
}

#[tokio::test]
async fn a_single_share_is_the_key() {
    let seal = new_seal();
    let shares = init(&seal, 1, 1).await;
    assert_eq!(shares[0].len(), 32);
    let key_size = "400 invalid key: failed to setup unseal key: crypto/aes: invalid key size";
    assert_eq!(enter(&seal, &Zeroizing::new(vec![0; 17])).await, format!("{key_size} 17"));
    assert_eq!(enter(&seal, &Zeroizing::new(vec![0; 33])).await, format!("{key_size} 33"));
    for length in [16, 32] {
        let answer = enter(&seal, &Zeroizing::new(vec![0; length])).await;
        assert!(answer.ends_with("cipher: message authentication failed"), "{answer}");
    }
    assert_eq!(enter(&seal, &shares[0]).await, "unsealed");
}

#[tokio::test]
async fn shares_before_initialization_and_reset_after_unsealing_are_refused() {
    let seal = new_seal();
    assert_eq!(enter(&seal, &Zeroizing::new(vec![0; 33])).await, "400 Vault is not initialized");
    seal.begin_dev().await.unwrap().commit_unsealed().await.unwrap();
    assert_eq!(seal.reset().await.unwrap_err().to_string(), "vault is unsealed");
}

#[tokio::test]
async fn sealing_again_needs_the_shares_again() {
    let seal = new_seal();
    let shares = init(&seal, 3, 2).await;
    for _ in 0..2 {
        assert_eq!(enter(&seal, &shares[0]).await, "1/2");
        assert_eq!(enter(&seal, &shares[2]).await, "unsealed");
        seal.seal().await.unwrap();
        assert!(seal.barrier().is_sealed());
    }
    seal.seal().await.unwrap();
}

#[test]
fn shares_are_read_as_hex_or_base64() {
    let share = "a9bf18ccab9bf2b4c5a9e07789fe0128d978ea1ceb93c1c64c5d3ad8f13c4bad37";
    assert_eq!(hex::encode(&*parse_share(share).unwrap()), share);
    let same = parse_share("qb8YzKub8rTFqeB3if4BKNl46hzrk8HGTF062PE8S603").unwrap();
    assert_eq!(hex::encode(&*same), share);
    // Hexadecimal digits of an impossible length are base64 or nothing.
    assert_eq!(parse_share("aabb").unwrap().len(), 3);
    let malformed = "'key' must be a valid hex or base64 string";
    for text in ["zz", "aa", &format!("{share}{}", "00".repeat(40)), &"00".repeat(15)] {
        assert_eq!(parse_share(text).unwrap_err().to_string(), malformed, "{text}");
    }
    assert!(parse_share("").unwrap_err().to_string().starts_with("'key' must be specified"));
}

#[tokio::test]
async fn shares_of_an_impossible_length_do_not_count() {
    let seal = new_seal();
    init(&seal, 5, 3).await;
    for (length, text) in [(3, "shorter than minimum 16"), (48, "longer than maximum 33")] {
        let answer = enter(&seal, &Zeroizing::new(vec![0; length])).await;
        assert_eq!(answer, format!("400 invalid key: key is {text} bytes"));
    }
    assert_eq!(seal.status().await.unwrap().progress, 0);
}

/// Takes new shares, a new root key and a restart in turn, beginning with `shares` of `present`.
async fn rekey_and_rotate(present: (i64, i64), next: (i64, i64)) {
    let storage: Arc<dyn Storage> = Arc::new(InmemStorage::new());
    let seal = seal_over(Arc::clone(&storage));
    let mut shares = init(&seal, present.0, present.1).await;
    for round in 0..2 {
        let seal = seal_over(Arc::clone(&storage));
        let threshold = usize::from(seal.threshold().await.unwrap());
        for share in &shares[..threshold] {
            enter(&seal, share).await;
        }
        assert!(!seal.barrier().is_sealed(), "round {round}");
        seal.rotate_root_key().await.unwrap();
        let nonce = seal.begin_rotation(next.0, next.1, false).await.unwrap().nonce;
        let mut new = None;
        for share in &shares[..threshold] {
            new = seal.enter_for_rotation(&nonce, share.clone()).await.unwrap();
        }
        let old = std::mem::replace(&mut shares, new.unwrap().shares);
        seal.rotate_root_key().await.unwrap();
        seal.seal().await.unwrap();
        let other = seal_over(Arc::clone(&storage));
        let mut answer = String::new();
        for share in &old[..threshold] {
            answer = enter(&other, share).await;
        }
        assert_ne!(answer, "unsealed", "the old shares are worth nothing");
    }
    let seal = seal_over(storage);
    let mut answer = String::new();
    for share in &shares[..usize::try_from(next.1).unwrap()] {
        answer = enter(&seal, share).await;
    }
    assert_eq!(answer, "unsealed");
    assert_eq!(seal.barrier().get("core/first").await.unwrap().unwrap(), "contents");
}

#[tokio::test]
async fn new_shares_open_the_root_key_that_was_made_after_them() {
    rekey_and_rotate((1, 1), (1, 1)).await;
    rekey_and_rotate((1, 1), (3, 2)).await;
    rekey_and_rotate((3, 2), (1, 1)).await;
}

#[tokio::test]
async fn a_root_key_is_not_wrapped_by_a_key_that_does_not_open_the_present_one() {
    let seal = new_seal();
    let shares = init(&seal, 1, 1).await;
    enter(&seal, &shares[0]).await;
    let transaction = seal.barrier().begin();
    transaction.put(super::rotation::UNSEAL_KEY_KEY, vec![7; 32]);
    transaction.commit().await.unwrap();
    assert!(matches!(seal.rotate_root_key().await, Err(super::SealError::WrongKey)));
    seal.seal().await.unwrap();
    assert_eq!(enter(&seal, &shares[0]).await, "unsealed");
}
