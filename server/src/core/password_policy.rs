//! Passwords made by policy.

use std::fmt;
use std::time::{Duration, Instant};

use schemas::password_policy::PasswordPolicy;
use zeroize::{Zeroize as _, Zeroizing};

/// Candidates drawn before a policy counts as too hard to meet.
const ATTEMPTS: usize = 100_000;
/// How long they are drawn, as the peer does.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why no password was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationError {
    /// The policy has no characters to draw from.
    NoCharacters,
    /// Chance does not meet the rules often enough.
    TooHard,
    /// The system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for GenerationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCharacters => "no charset specified",
            Self::TooHard => "timed out generating string",
            Self::NoRandomness => "unable to generate random characters",
        })
    }
}

impl std::error::Error for GenerationError {}

/// A password of the policy, every one that meets it being equally likely.
///
/// Whole candidates are drawn until one meets the rules; to place the wanted characters first would favor
/// some passwords.
///
/// # Errors
/// See [`GenerationError`].
pub fn generate(policy: &PasswordPolicy) -> Result<Zeroizing<String>, GenerationError> {
    let mut randomness = Randomness::new();
    let characters = policy.characters();
    let count = u32::try_from(characters.len()).unwrap_or_default();
    if count == 0 {
        return Err(GenerationError::NoCharacters);
    }
    let mut candidate = Zeroizing::new(vec![' '; policy.length]);
    for _ in attempts(PATIENCE) {
        for place in candidate.iter_mut() {
            *place = characters[randomness.below(count)? as usize];
        }
        if policy.accepts(&candidate) {
            return Ok(Zeroizing::new(candidate.iter().collect()));
        }
    }
    Err(GenerationError::TooHard)
}

/// At least one attempt, and as many as there is time for.
fn attempts(patience: Duration) -> impl Iterator<Item = usize> {
    let begin = Instant::now();
    (0..ATTEMPTS).take_while(move |attempt| *attempt == 0 || begin.elapsed() < patience)
}

/// Random numbers out of a buffer of the system's random bytes.
struct Randomness {
    buffer: [u8; 512],
    used: usize,
}

impl Drop for Randomness {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

impl Randomness {
    fn new() -> Self {
        Self { buffer: [0; 512], used: 512 }
    }

    fn word(&mut self) -> Result<u32, GenerationError> {
        if self.used == self.buffer.len() {
            aws_lc_rs::rand::fill(&mut self.buffer).map_err(|_| GenerationError::NoRandomness)?;
            self.used = 0;
        }
        let bytes = &self.buffer[self.used..self.used + 4];
        self.used += 4;
        Ok(bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    /// A number below `bound`. Words of the incomplete last run of `bound` numbers are thrown away, or the
    /// low numbers would come more often.
    fn below(&mut self, bound: u32) -> Result<u32, GenerationError> {
        let whole = u32::MAX - u32::MAX % bound;
        loop {
            let word = self.word()?;
            if word < whole {
                return Ok(word % bound);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> PasswordPolicy {
        PasswordPolicy::parse(text).expect("valid")
    }

    #[test]
    fn passwords_meet_their_policy() {
        let policy = policy(
            "length = 12\nrule \"charset\" { charset = \"abc\" min-chars = 2 }\n\
             rule \"charset\" { charset = \"äöü€\" min-chars = 3 }\nrule \"charset\" { charset = \"0123456789\" }",
        );
        for _ in 0..200 {
            let password: Vec<char> = generate(&policy).expect("possible").chars().collect();
            assert_eq!(password.len(), 12);
            assert!(policy.accepts(&password));
            assert!(password.iter().all(|c| policy.characters().contains(c)));
        }
    }

    #[test]
    fn characters_are_equally_likely() {
        // 3 does not divide 2^32, and `a` is written three times.
        let policy = policy("length = 100\nrule \"charset\" { charset = \"aaabc\" }");
        let mut counts = [0_u32; 3];
        for _ in 0..300 {
            generate(&policy)
                .expect("possible")
                .bytes()
                .for_each(|byte| counts[usize::from(byte - b'a')] += 1);
        }
        // 10000 expected of each; five standard deviations are 408.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}");
    }

    #[test]
    fn a_policy_that_chance_does_not_meet_is_refused() {
        let policy = policy(
            "length = 60\nrule \"charset\" { charset = \"a\" min-chars = 59 }\n\
             rule \"charset\" { charset = \"bcdefghijklmnopqrstuvwxyz\" }",
        );
        assert_eq!(generate(&policy), Err(GenerationError::TooHard));
    }

    #[test]
    fn attempts_end_with_the_time_for_them() {
        assert_eq!(attempts(Duration::ZERO).count(), 1);
        assert_eq!(attempts(Duration::MAX).count(), ATTEMPTS);
    }
}
