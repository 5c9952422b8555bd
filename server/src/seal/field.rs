//! Arithmetic in GF(2^8), by the polynomial 0x11b, in constant time: no branch and no table on a secret.

/// Addition, which is also subtraction.
pub(super) fn add(a: u8, b: u8) -> u8 {
    a ^ b
}

/// Multiplication, bit by bit; each step is done whatever the bits are.
pub(super) fn multiply(a: u8, b: u8) -> u8 {
    let (mut product, mut term) = (0, a);
    for bit in 0..8 {
        product ^= term & mask(b >> bit);
        term = (term << 1) ^ (0x1b & mask(term >> 7));
    }
    product
}

/// All ones if the lowest bit is set, else zero. `black_box` keeps the compiler from making it a branch.
fn mask(bit: u8) -> u8 {
    std::hint::black_box(bit & 1).wrapping_neg()
}

/// The inverse: a^254. Of zero it is zero.
pub(super) fn inverse(a: u8) -> u8 {
    // 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128
    let (mut power, mut result) = (a, 1);
    for _ in 0..7 {
        power = multiply(power, power);
        result = multiply(result, power);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_products() {
        for (a, b, product) in [(0x57, 0x83, 0xc1), (0x57, 0x13, 0xfe), (0x53, 0xca, 0x01), (2, 0x80, 0x1b)] {
            assert_eq!(multiply(a, b), product);
            assert_eq!(multiply(b, a), product);
        }
    }

    #[test]
    fn every_element_but_zero_has_an_inverse() {
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1);
        }
        assert_eq!(inverse(0), 0);
    }

    #[test]
    fn multiplication_distributes() {
        for (a, b) in (0..=255u8).flat_map(|a| (0..=255u8).map(move |b| (a, b))) {
            let c = a.wrapping_mul(7).wrapping_add(b);
            assert_eq!(multiply(add(a, b), c), add(multiply(a, c), multiply(b, c)));
        }
    }
}
