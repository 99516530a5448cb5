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
        state = step(state, u128::from_le_bytes(*chunk));
        rest = after;
    }
    if !rest.is_empty() {
        state = step(state, padded(rest));
    }
    end(state, length)
}

/// [`hash_bytes`] of 1 to 16 bytes that somebody has in one number already: the first byte lowest, and zeros
/// above the last one.
#[inline]
pub fn hash_padded(padded: u128, length: u32) -> u64 {
    let length = u64::from(length);
    end(step(KEYS[0] ^ length, padded), length)
}

#[inline]
fn step(state: u64, sixteen: u128) -> u64 {
    let (low, high) = (sixteen as u64, (sixteen >> 64) as u64);
    fold(low ^ KEYS[1], high ^ state)
}

#[inline]
fn end(state: u64, length: u64) -> u64 {
    fold(state ^ KEYS[2], KEYS[3] ^ length)
}

/// Up to 15 bytes as a number, the first byte lowest. Two overlapping reads of a fixed size each, because
/// copying a few bytes costs more than hashing them.
#[inline]
fn padded(bytes: &[u8]) -> u128 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let low = u64::from_le_bytes(*first);
        let high = u128::from(u64::from_le_bytes(*last)) << (length * 8 - 64);
        return high | u128::from(low);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*last)) << (length * 8 - 32);
        return u128::from(high | u64::from(u32::from_le_bytes(*first)));
    }
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
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
    fn padding_is_with_zeros() {
        let bytes: Vec<u8> = (1..=40).map(|n: u8| n.wrapping_mul(37)).collect();
        for length in 0..16 {
            let mut sixteen = [0; 16];
            sixteen[..length].copy_from_slice(&bytes[..length]);
            let number = u128::from_le_bytes(sixteen);
            assert_eq!(padded(&bytes[..length]), number, "{length}");
            if length > 0 {
                assert_eq!(hash_padded(number, length as u32), hash_bytes(&bytes[..length]), "{length}");
            }
        }
    }

    #[test]
    fn neighbours_differ_in_half_the_bits() {
        let flips: u32 = (0..4096_u64).map(|n| (hash_u64(n) ^ hash_u64(n + 1)).count_ones()).sum();
        assert!((30.0..34.0).contains(&(f64::from(flips) / 4096.0)));
    }
}
