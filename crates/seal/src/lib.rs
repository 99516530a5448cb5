//! What servers and agents must agree on to the byte: settings sealed to one agent, and packages signed by a server.
//!
//! Sealing is HPKE (RFC 9180) in base mode with X25519, HKDF-SHA256 and AES-256-GCM; signing is ECDSA on P-256 with
//! SHA-256. Both come from the libraries that TLS has already; nothing here is a construction of our own. Nothing here
//! reads files or a network.

#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod fuzzing;
mod package;
mod sealed;

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub use package::{PackageError, Signer, verify};
pub use sealed::{OpeningKey, SealError, seal};

/// Short name of a public key: the first 16 hex digits of its SHA-256.
pub fn key_id(public_key: &[u8]) -> String {
    Sha256::digest(public_key)[..8].iter().fold(String::new(), |mut id, byte| {
        write!(id, "{byte:02x}").expect("a string takes all");
        id
    })
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
