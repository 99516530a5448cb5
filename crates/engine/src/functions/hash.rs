//! Hashes, as lower-case hexadecimal text.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::convert::text;
use super::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("hash_sha256", |args, _| hex::<Sha256>(&args[0])),
    strict("hash_sha1", |args, _| hex::<Sha1>(&args[0])),
    strict("hash_md5", |args, _| hex::<Md5>(&args[0])),
];

fn hex<'a, D: Digest>(value: &Value<'a>) -> Value<'a> {
    let digest = D::digest(text(value.clone()).as_bytes());
    Value::string(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
