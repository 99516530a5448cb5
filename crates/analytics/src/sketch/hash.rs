//! The hash that sketches are made with. Stored sketches hold hashes, so it never changes: neither the
//! constants nor the order of steps.

/// Odd constants with no visible pattern: digits of the square roots of 2, 3, 5 and 7.
const KEYS: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Multiplies to 128 bits and folds the halves: each input bit reaches every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hash of a number.
#[inline]
pub fn hash_u64(value: u64) -> u64 {
    // Twice, because a zero factor would swallow the other one.
    fold(fold(value ^ KEYS[0], KEYS[1]) ^ KEYS[2], KEYS[3])
}

/// Hash of text or any other bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    let mut state = KEYS[0] ^ length;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        let (low, high) = halves(*chunk);
        state = fold(low ^ KEYS[1], high ^ state);
        rest = after;
    }
    if !rest.is_empty() {
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let (low, high) = halves(last);
        state = fold(low ^ KEYS[1], high ^ state);
    }
    fold(state ^ KEYS[2], KEYS[3] ^ length)
}

fn halves(bytes: [u8; 16]) -> (u64, u64) {
    let whole = u128::from_le_bytes(bytes);
    (whole as u64, (whole >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change() {
        // Stored sketches depend on these.
        let got = [hash_u64(0), hash_u64(1), hash_bytes(b""), hash_bytes(b"alice"), hash_bytes(&[7; 40])];
        assert_eq!(got, EXPECTED, "{got:#x?}");
    }

    const EXPECTED: [u64; 5] = [
        0x8e96_060d_57c9_a260,
        0x398a_2388_0c28_9b39,
        0xf9ab_303f_6191_6d7b,
        0x4c85_d5e9_55c6_94e6,
        0xbb84_6599_88ab_afd5,
    ];

    #[test]
    fn neighbours_differ_in_half_the_bits() {
        let flips: u32 = (0..4096_u64).map(|n| (hash_u64(n) ^ hash_u64(n + 1)).count_ones()).sum();
        assert!((30.0..34.0).contains(&(f64::from(flips) / 4096.0)));
    }
}
