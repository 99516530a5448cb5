//! Hashes.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("hash", &["(source: any, mod?: integer): long"], "", "").alias(&["hash_xxhash64"]),
    Function::new("hash_sha256", &["(source: any): string"], "", ""),
    Function::new("hash_md5", &["(source: any): string"], "", ""),
    Function::new("hash_sha1", &["(source: any): string"], "", ""),
    Function::new("hash_combine", &["(source...: any): long"], "", ""),
    Function::new("hash_many", &["(source...: any): long"], "", ""),
];
