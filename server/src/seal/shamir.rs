//! Shamir's secret sharing, byte by byte. A share is the y of each byte, then the x that they share.

use std::fmt;

use zeroize::Zeroizing;

use super::field::{add, inverse, multiply};

/// Bytes of a secret or of a share, wiped when they are dropped.
pub type SecretBytes = Zeroizing<Vec<u8>>;

/// Why shares cannot be combined. The texts are those of the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CombineError {
    /// Two shares have the same x.
    DuplicateShare,
    /// The shares have several lengths.
    LengthsDiffer,
    /// A share is too short to hold a secret.
    ShareTooShort,
    /// One share or none.
    TooFewShares,
}

impl fmt::Display for CombineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::DuplicateShare => "duplicate part detected",
            Self::LengthsDiffer => "all parts must be the same length",
            Self::ShareTooShort => "parts must be at least two bytes",
            Self::TooFewShares => "less than two parts cannot be used to reconstruct the secret",
        })
    }
}

impl std::error::Error for CombineError {}

/// Splits `secret` into `shares`, any `threshold` of which give it back.
///
/// # Panics
/// Unless 2 ≤ `threshold` ≤ `shares`; the caller has checked the seal configuration.
pub fn split(secret: &[u8], shares: u8, threshold: u8) -> Vec<SecretBytes> {
    assert!(2 <= threshold && threshold <= shares, "the seal configuration was checked");
    let places = random_places(shares);
    let mut parts: Vec<SecretBytes> =
        places.iter().map(|_| Zeroizing::new(Vec::with_capacity(secret.len() + 1))).collect();
    for &byte in secret {
        let polynomial = random_polynomial(byte, threshold);
        for (part, &x) in parts.iter_mut().zip(&places) {
            part.push(evaluate(&polynomial, x));
        }
    }
    for (part, &x) in parts.iter_mut().zip(&places) {
        part.push(x);
    }
    parts
}

/// Gives back the secret. Wrong shares, or too few, give wrong bytes: only their use shows it.
pub fn combine(shares: &[SecretBytes]) -> Result<SecretBytes, CombineError> {
    let length = check_shares(shares)?;
    let places: Vec<u8> = shares.iter().map(|share| share[length]).collect();
    let weights: Vec<u8> = places.iter().map(|&x| weight(x, &places)).collect();
    let byte = |position: usize| {
        let terms = shares.iter().zip(&weights).map(|(share, &weight)| multiply(share[position], weight));
        terms.fold(0, add)
    };
    Ok(Zeroizing::new((0..length).map(byte).collect()))
}

/// The length of the secret that `shares` hold.
fn check_shares(shares: &[SecretBytes]) -> Result<usize, CombineError> {
    let [first, _, ..] = shares else { return Err(CombineError::TooFewShares) };
    if first.len() < 2 {
        return Err(CombineError::ShareTooShort);
    }
    if shares.iter().any(|share| share.len() != first.len()) {
        return Err(CombineError::LengthsDiffer);
    }
    let mut places: Vec<u8> = shares.iter().filter_map(|share| share.last().copied()).collect();
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CombineError::DuplicateShare);
    }
    Ok(first.len() - 1)
}

/// The weight of the share at `x` in the value at zero, by Lagrange.
fn weight(x: u8, places: &[u8]) -> u8 {
    // The places are no secret, so leaving out `x` itself may branch.
    let others = places.iter().filter(|&&other| other != x);
    others.fold(1, |weight, &other| multiply(weight, multiply(other, inverse(add(x, other)))))
}

/// The value at `x` of a polynomial, lowest coefficient first.
fn evaluate(polynomial: &[u8], x: u8) -> u8 {
    polynomial.iter().rev().fold(0, |value, &coefficient| add(multiply(value, x), coefficient))
}

/// A random polynomial whose value at zero is `secret`.
fn random_polynomial(secret: u8, threshold: u8) -> SecretBytes {
    let mut polynomial = Zeroizing::new(vec![0; usize::from(threshold)]);
    fill_random(&mut polynomial);
    polynomial[0] = secret;
    polynomial
}

/// Distinct places but zero, in random order, so that a share does not tell its number.
fn random_places(count: u8) -> Vec<u8> {
    use rand::seq::SliceRandom as _;
    let mut places: Vec<u8> = (1..=255).collect();
    places.shuffle(&mut rand::rng());
    places.truncate(usize::from(count));
    places
}

fn fill_random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Combines every subset of `shares` that has `size` members.
    fn every_subset(shares: &[SecretBytes], size: u32) -> Vec<SecretBytes> {
        (0u32..1 << shares.len())
            .filter(|set| set.count_ones() == size)
            .map(|set| {
                let chosen = shares.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
                combine(&chosen.map(|(_, share)| share.clone()).collect::<Vec<_>>()).unwrap()
            })
            .collect()
    }

    #[test]
    fn shares_of_openbao_combine_to_one_secret() {
        let vectors = include_str!("../../tests/transcripts/openbao-shares.txt");
        let mut sets = 0;
        for block in vectors.split("\n\n") {
            let mut lines = block.lines().filter(|line| !line.starts_with('#'));
            let Some(threshold) = lines.next() else { continue };
            let shares: Vec<SecretBytes> =
                lines.map(|line| Zeroizing::new(hex::decode(line).unwrap())).collect();
            let secrets = every_subset(&shares, threshold.parse().unwrap());
            assert_eq!(secrets[0].len(), 32);
            assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]), "threshold {threshold}");
            sets += 1;
        }
        assert_eq!(sets, 3);
    }

    #[test]
    fn shares_that_cannot_be_combined_are_refused() {
        let cases: [(&[&[u8]], CombineError); 4] = [
            (&[&[1, 2, 3]], CombineError::TooFewShares),
            (&[&[1], &[2]], CombineError::ShareTooShort),
            (&[&[1, 2], &[1, 2, 3]], CombineError::LengthsDiffer),
            (&[&[1, 2, 9], &[3, 4, 9]], CombineError::DuplicateShare),
        ];
        for (shares, error) in cases {
            let shares: Vec<SecretBytes> =
                shares.iter().map(|share| Zeroizing::new(share.to_vec())).collect();
            assert_eq!(combine(&shares), Err(error));
        }
    }

    proptest! {
        #[test]
        fn enough_shares_give_the_secret_and_fewer_do_not(
            secret in proptest::collection::vec(any::<u8>(), 16..40),
            threshold in 2u8..5,
            spare in 0u8..3,
        ) {
            let shares = split(&secret, threshold + spare, threshold);
            for found in every_subset(&shares, u32::from(threshold)) {
                prop_assert_eq!(&*found, &secret);
            }
            if threshold > 2 {
                for found in every_subset(&shares, u32::from(threshold) - 1) {
                    prop_assert_ne!(&*found, &secret);
                }
            }
        }
    }
}
