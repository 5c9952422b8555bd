//! Proof Key for Code Exchange (RFC 7636): the code is worth nothing to who only overheard it.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What the verifier has to fit.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    text: String,
    method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// It is the verifier.
    Plain,
    /// It is the verifier's hash.
    Sha256,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Challenge").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Challenge {
    /// A challenge as a client sends it; no method is `plain`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &str, method: &str) -> Result<Self, &'static str> {
        let method = match method {
            "" | "plain" => Method::Plain,
            "S256" => Method::Sha256,
            _ => return Err("invalid code_challenge_method"),
        };
        match (43..=128).contains(&text.len()) {
            true => Ok(Self { text: text.to_owned(), method }),
            false => Err("invalid code_challenge"),
        }
    }

    /// Whether `verifier` is the one that it was made of.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        let computed = match self.method {
            Method::Plain => verifier.to_owned(),
            Method::Sha256 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        };
        constant_time::verify_slices_are_equal(computed.as_bytes(), self.text.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_the_verifier_meets_the_challenge() {
        let hashed = Challenge::new(CHALLENGE, "S256").expect("a challenge");
        assert!(hashed.is_met_by(VERIFIER));
        assert!(!hashed.is_met_by(CHALLENGE) && !hashed.is_met_by(""));
        let plain = Challenge::new(VERIFIER, "").expect("a challenge");
        assert!(plain.is_met_by(VERIFIER) && !plain.is_met_by(CHALLENGE));
    }

    #[test]
    fn a_challenge_has_43_to_128_letters_and_a_method_that_is_known() {
        assert!(Challenge::new(&"x".repeat(42), "S256").is_err());
        assert!(Challenge::new(&"x".repeat(129), "S256").is_err());
        assert!(Challenge::new(CHALLENGE, "s256").is_err());
    }
}
