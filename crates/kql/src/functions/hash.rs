//! Hashes.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "hash",
        &["(source: any, mod?: integer): long"],
        "xxHash64 of a value, optionally the remainder below a bound",
        r#"print hash("a", 10)"#,
    )
    .alias(&["hash_xxhash64"]),
    Function::new(
        "hash_sha256",
        &["(source: any): string"],
        "SHA-256 in hexadecimal digits",
        r#"print hash_sha256("a")"#,
    ),
    Function::new(
        "hash_md5",
        &["(source: any): string"],
        "MD5 in hexadecimal digits",
        r#"print hash_md5("a")"#,
    ),
    Function::new(
        "hash_sha1",
        &["(source: any): string"],
        "SHA-1 in hexadecimal digits",
        r#"print hash_sha1("a")"#,
    ),
    Function::new(
        "hash_combine",
        &["(source...: any): long"],
        "one hash mixed from several, in their order",
        r#"print hash_combine(hash("a"), hash("b"))"#,
    ),
    Function::new(
        "hash_many",
        &["(source...: any): long"],
        "the hashes of several values mixed into one",
        r#"print hash_many("a", "b")"#,
    ),
];
