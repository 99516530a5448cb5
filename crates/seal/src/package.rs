//! Packages of the agent: a manifest that names every file by its hash, signed by the server's package key.
//!
//! The signature is over the manifest's exact text, so nothing is read before it is known to be the server's. The
//! manifest is then still checked like anybody's: a key may be stolen, and a path that leaves its folder would turn a
//! wrong package into a wrong machine.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use bartizan_wire::{PACKAGE_PROGRAM, PackageManifest, SignedManifest};

use crate::{decode, encode, key_id};

/// Separates these signatures from any other use of the same key.
const CONTEXT: &[u8] = b"bartizan agent package v1\n";
/// Longest manifest: a package has a handful of files.
const MANIFEST_BYTES_MAX: usize = 64 << 10;
const FILES_MAX: usize = 64;
/// All files of a package together; the program has some ten megabytes.
const PACKAGE_BYTES_MAX: u64 = 512 << 20;

/// Why a package is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("the package key cannot be used")]
    BadKey,
    #[error("the manifest is signed by key `{found}`, and the pinned key is `{pinned}`")]
    OtherKey { found: String, pinned: String },
    #[error("the manifest's signature is wrong")]
    BadSignature,
    #[error("the manifest is no manifest: {0}")]
    NoManifest(String),
    #[error("the manifest names the file `{path}`: {problem}")]
    BadFile { path: String, problem: &'static str },
}

/// Signs manifests. The server has one, its key beside its certificate authority.
pub struct Signer(EcdsaKeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", key_id(self.0.public_key().as_ref()))
    }
}

impl Signer {
    /// From a P-256 key in PKCS #8 (DER).
    ///
    /// # Errors
    /// [`PackageError::BadKey`] when it is anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PackageError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
        key.map(Self).map_err(|_| PackageError::BadKey)
    }

    /// The public half in base64.
    pub fn public(&self) -> String {
        encode(self.0.public_key().as_ref())
    }

    /// Signs a manifest. It is checked first, so that nothing is offered which no agent would take.
    ///
    /// # Errors
    /// See [`PackageError`].
    pub fn sign(&self, manifest: &PackageManifest) -> Result<SignedManifest, PackageError> {
        check(manifest)?;
        let text =
            serde_json::to_string(manifest).map_err(|error| PackageError::NoManifest(error.to_string()))?;
        let signature =
            self.0.sign(&SystemRandom::new(), &payload(&text)).map_err(|_| PackageError::BadKey)?;
        Ok(SignedManifest {
            manifest: text,
            signature: encode(signature.as_ref()),
            key: key_id(self.0.public_key().as_ref()),
        })
    }
}

/// The manifest, if `public_key` (base64) signed it and it stands the checks.
///
/// # Errors
/// See [`PackageError`].
pub fn verify(public_key: &str, signed: &SignedManifest) -> Result<PackageManifest, PackageError> {
    let public = decode(public_key).ok_or(PackageError::BadKey)?;
    let pinned = key_id(&public);
    if signed.key != pinned {
        return Err(PackageError::OtherKey { found: signed.key.chars().take(40).collect(), pinned });
    }
    if signed.manifest.len() > MANIFEST_BYTES_MAX {
        return Err(PackageError::NoManifest(format!("it is longer than {MANIFEST_BYTES_MAX} bytes")));
    }
    let signature = decode(&signed.signature).ok_or(PackageError::BadSignature)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public)
        .verify(&payload(&signed.manifest), &signature)
        .map_err(|_| PackageError::BadSignature)?;
    let manifest = serde_json::from_str(&signed.manifest)
        .map_err(|error| PackageError::NoManifest(error.to_string()))?;
    check(&manifest)?;
    Ok(manifest)
}

fn payload(manifest: &str) -> Vec<u8> {
    [CONTEXT, manifest.as_bytes()].concat()
}

/// What must hold of every manifest.
pub(crate) fn check(manifest: &PackageManifest) -> Result<(), PackageError> {
    let wrong = |text: String| Err(PackageError::NoManifest(text));
    if !is_version(&manifest.version) {
        return wrong(format!("`{:.40}` is not a version", manifest.version));
    }
    if manifest.files.is_empty() || manifest.files.len() > FILES_MAX {
        return wrong(format!("it has {} files; 1 to {FILES_MAX} are taken", manifest.files.len()));
    }
    let mut paths = BTreeSet::new();
    let mut total = 0_u64;
    for file in &manifest.files {
        let bad =
            |problem| Err(PackageError::BadFile { path: file.path.chars().take(200).collect(), problem });
        if !stays_inside(&file.path) {
            return bad("it would leave the package's folder");
        }
        if !paths.insert(&file.path) {
            return bad("it is there twice");
        }
        if file.sha256.len() != 64
            || !file.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return bad("it has no SHA-256 in lower-case hex");
        }
        total = total.saturating_add(file.size);
    }
    if total > PACKAGE_BYTES_MAX {
        return wrong(format!("its files have {total} bytes; at most {PACKAGE_BYTES_MAX} are taken"));
    }
    if !manifest.files.iter().any(|file| file.path == PACKAGE_PROGRAM && file.executable) {
        return wrong(format!("it has no executable file `{PACKAGE_PROGRAM}`"));
    }
    Ok(())
}

/// A version is also a folder's name.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(plain)
}

/// A relative path of plain names.
fn stays_inside(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    let normal = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    // `a//b` and `a/./b` have normal components only, but are other spellings of a path that is there already.
    let spelled = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    !path.is_empty() && path.len() <= 200 && normal && spelled && path.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_wire::PackageFile;

    fn signer() -> Signer {
        let der = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
        Signer::from_pkcs8(der.as_ref()).unwrap()
    }

    fn manifest(paths: &[&str]) -> PackageManifest {
        let file = |path: &&str| PackageFile {
            path: (*path).to_owned(),
            size: 3,
            sha256: "ab".repeat(32),
            executable: true,
        };
        PackageManifest {
            name: PACKAGE_PROGRAM.to_owned(),
            version: "1.2.3".to_owned(),
            platform: "linux-x86_64".to_owned(),
            files: paths.iter().map(file).collect(),
        }
    }

    #[test]
    fn a_signed_manifest_is_read_and_any_other_refused() {
        let (own, other) = (signer(), signer());
        let good = manifest(&[PACKAGE_PROGRAM, "share/readme"]);
        let signed = own.sign(&good).unwrap();
        assert_eq!(verify(&own.public(), &signed).unwrap(), good);
        assert!(matches!(verify(&other.public(), &signed), Err(PackageError::OtherKey { .. })));
        let posing = SignedManifest { key: key_id(&decode(&other.public()).unwrap()), ..signed.clone() };
        assert_eq!(verify(&other.public(), &posing), Err(PackageError::BadSignature));
        let changed =
            SignedManifest { manifest: signed.manifest.replace("1.2.3", "1.2.4"), ..signed.clone() };
        assert_eq!(verify(&own.public(), &changed), Err(PackageError::BadSignature));
        for signature in ["", "?", &signed.signature[..20], &encode(&[0; 70])] {
            let wrong = SignedManifest { signature: signature.to_owned(), ..signed.clone() };
            assert_eq!(verify(&own.public(), &wrong), Err(PackageError::BadSignature), "{signature}");
        }
        assert_eq!(verify("no key", &signed), Err(PackageError::BadKey));
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused_even_when_signed() {
        let own = signer();
        for path in [
            "../bartizan-agent",
            "/etc/cron.d/x",
            "a/../../b",
            "a//b",
            "./a",
            "a/.",
            "..",
            "",
            "a\\b",
            "a\0b",
            "a b",
            "a/b/",
            "ü",
        ] {
            let wrong = manifest(&[PACKAGE_PROGRAM, path]);
            assert!(matches!(own.sign(&wrong), Err(PackageError::BadFile { .. })), "{path:?}");
            // A server that does not check signs it all the same.
            let text = serde_json::to_string(&wrong).unwrap();
            let signature = own.0.sign(&SystemRandom::new(), &payload(&text)).unwrap();
            let key = key_id(own.0.public_key().as_ref());
            let signed = SignedManifest { manifest: text, signature: encode(signature.as_ref()), key };
            assert!(matches!(verify(&own.public(), &signed), Err(PackageError::BadFile { .. })), "{path:?}");
        }
        let twice = manifest(&[PACKAGE_PROGRAM, PACKAGE_PROGRAM]);
        assert!(matches!(check(&twice), Err(PackageError::BadFile { problem: "it is there twice", .. })));
        assert!(matches!(check(&manifest(&["other"])), Err(PackageError::NoManifest(_))));
        for version in ["", "../1", "v1", "1/2", &"1".repeat(61)] {
            let odd = PackageManifest { version: version.to_owned(), ..manifest(&[PACKAGE_PROGRAM]) };
            assert!(matches!(check(&odd), Err(PackageError::NoManifest(_))), "{version}");
        }
        let mut huge = manifest(&[PACKAGE_PROGRAM]);
        huge.files[0].size = u64::MAX;
        assert!(matches!(check(&huge), Err(PackageError::NoManifest(_))));
    }
}
