//! Hashes: numbers that spread values, and cryptographic digests as lower-case hexadecimal text.

use std::hash::Hasher;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

use super::convert::{text, to_long};
use super::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("hash", |args, _| {
        let hash = hash(&args[0]);
        match args.get(1).map(to_long) {
            None => Value::Long(hash),
            Some(Some(buckets)) if buckets > 0 => Value::Long(hash.rem_euclid(buckets)),
            Some(_) => Value::Null,
        }
    }),
    strict("hash_many", |args, _| combine(args.iter().map(hash))),
    strict("hash_combine", |args, _| combine(args.iter().filter_map(to_long))),
    strict("hash_sha256", |args, _| hex::<Sha256>(&args[0])),
    strict("hash_sha1", |args, _| hex::<Sha1>(&args[0])),
    strict("hash_md5", |args, _| hex::<Md5>(&args[0])),
];

/// xxHash64 of the text, or of the little-endian bytes that a number or a time is stored in.
fn hash(value: &Value<'_>) -> i64 {
    let mut hasher = XxHash64::with_seed(0);
    match value {
        Value::Bool(value) => hasher.write(&[u8::from(*value)]),
        Value::Int(value) => hasher.write(&value.to_le_bytes()),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => {
            hasher.write(&value.to_le_bytes());
        }
        Value::Real(value) => hasher.write(&value.to_le_bytes()),
        value => hasher.write(text(value.clone()).as_bytes()),
    }
    hasher.finish().cast_signed()
}

/// Mixes hashes in their order. How the service does it is not published; this is the mixing step that
/// Boost made common, in 64 bits.
fn combine<'a>(hashes: impl Iterator<Item = i64>) -> Value<'a> {
    const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = hashes.map(i64::cast_unsigned).reduce(|seed, hash| {
        seed ^ hash.wrapping_add(GOLDEN_RATIO).wrapping_add(seed << 6).wrapping_add(seed >> 2)
    });
    mixed.map_or(Value::Null, |mixed| Value::Long(mixed.cast_signed()))
}

fn hex<'a, D: Digest>(value: &Value<'a>) -> Value<'a> {
    let digest = D::digest(text(value.clone()).as_bytes());
    Value::string(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
