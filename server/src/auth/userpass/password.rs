//! Passwords and their hashes.

use std::str::FromStr;
use std::sync::LazyLock;

use bcrypt::{BcryptError, HashParts};
use http::StatusCode;
use zeroize::Zeroizing;

use crate::core::error::Error;
use crate::core::slow::{self, Queue};

/// Cost of the hashes that are made here.
const COST: u32 = 10;
/// Costs that a hash from outside may have: no weaker, and not so high that logins stall the server.
const COSTS: std::ops::RangeInclusive<u32> = 5..=12;
/// The longest password, in bytes: bcrypt would not look at more.
const LONGEST: usize = 72;

/// The hash of a password that nobody has. An unknown user is compared with it, so that the answer takes as long.
const NOBODY: &str = "$2b$10$7b1kJX0D5oR7m2pX4b7uUeV0f6m3wTzSx3t1pQ8yYkGqfOq0bZP2a";

/// Hashing is slow by design: no more at once than there are processors, so that other requests get their turn. A line
/// is half a minute of work for two processors.
static HASHING: LazyLock<Queue> = LazyLock::new(|| Queue::new(slow::processors(), 1024, "passwords"));

/// Runs `work` on a thread for slow work.
///
/// # Errors
/// 503 if too many wait for that.
async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
) -> Result<T, Error> {
    HASHING.run(work).await?.map_err(|_| Error::internal("bcrypt failed"))
}

/// The hash to store, from exactly one of a password and a hash.
///
/// # Errors
/// 400 for none, both, or a hash that is no good; 500 for a password that is too long.
pub(super) async fn hash_of(password: &str, hash: &str) -> Result<String, Error> {
    require_one(password, hash)?;
    if password.is_empty() {
        return checked(hash);
    }
    if password.len() > LONGEST {
        let message = format!("bcrypt: password length exceeds {LONGEST} bytes");
        return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, message));
    }
    let password = Zeroizing::new(password.to_owned());
    slowly(move || bcrypt::hash(password.as_bytes(), COST)).await
}

/// Refuses both and neither.
pub(super) fn require_one(password: &str, hash: &str) -> Result<(), Error> {
    match (password.is_empty(), hash.is_empty()) {
        (false, false) => Err(Error::invalid("only one of password or password_hash may be provided")),
        (true, true) => Err(Error::invalid("must provide either password or password_hash")),
        _ => Ok(()),
    }
}

/// A hash from outside, if it is one of a sensible cost.
fn checked(hash: &str) -> Result<String, Error> {
    let parts = HashParts::from_str(hash);
    let cost = parts.map_err(|_| Error::invalid("password_hash is not a valid bcrypt hash"))?.get_cost();
    let (least, most) = (COSTS.start(), COSTS.end());
    if cost > 31 {
        Err(Error::invalid("password_hash is not a valid bcrypt hash"))
    } else if cost < *least {
        Err(Error::invalid(format!("bcrypt cost of {cost} is too low, want {least} at minimum")))
    } else if cost > *most {
        Err(Error::invalid(format!("bcrypt cost of {cost} exceeds maximum cost of {most}")))
    } else {
        Ok(hash.to_owned())
    }
}

/// Whether `password` belongs to `hash`; `None` is a user that there is not, and takes as long.
pub(super) async fn fits(password: &str, hash: Option<&str>) -> Result<bool, Error> {
    let is_known = hash.is_some();
    let (password, hash) = (Zeroizing::new(password.to_owned()), hash.unwrap_or(NOBODY).to_owned());
    let fits = slowly(move || bcrypt::verify(password.as_bytes(), &hash)).await?;
    Ok(is_known && fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hash: &str, problem: &str) {
        let message = checked(hash).map_or_else(|error| error.messages(false).join("; "), |_| String::new());
        assert_eq!(message, problem, "{hash}");
    }

    #[test]
    fn a_hash_from_outside_has_a_sensible_cost() {
        let rest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
        check(&format!("$2a$10${rest}"), "");
        check(&format!("$2y$05${rest}"), "");
        check(&format!("$2b$04${rest}"), "bcrypt cost of 4 is too low, want 5 at minimum");
        check(&format!("$2b$13${rest}"), "bcrypt cost of 13 exceeds maximum cost of 12");
        check(&format!("$2b$32${rest}"), "password_hash is not a valid bcrypt hash");
        check(&format!("$2b$10${}", &rest[1..]), "password_hash is not a valid bcrypt hash");
        check("nonsense", "password_hash is not a valid bcrypt hash");
    }

    #[tokio::test]
    async fn an_unknown_user_is_compared_too_and_fits_nothing() {
        assert!(!fits("anything", None).await.expect("compared"));
        let hash = bcrypt::hash("right", 5).expect("hashed");
        assert!(fits("right", Some(&hash)).await.expect("compared"));
        assert!(!fits("wrong", Some(&hash)).await.expect("compared"));
    }
}
