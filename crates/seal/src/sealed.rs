//! Settings that only one agent can read.
//!
//! The agent makes the key pair and keeps the private half; the server seals to the public half at the moment of the
//! write and forgets the clear text. The name of what is sealed is bound in, so that a sealed text moved to another
//! resource does not open.

use bartizan_wire::SealedText;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

use crate::{decode, encode, key_id};

/// Separates these texts from any other use of the same keys.
const INFO: &[u8] = b"bartizan protected settings v1";
/// Bytes of an X25519 key, public or private.
const KEY_BYTES: usize = 32;

/// Why a text cannot be sealed or opened. It never says anything of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the key is no X25519 key in base64")]
    BadKey,
    #[error("the text is sealed to key `{sealed}`, and this is key `{own}`: write the settings again")]
    OtherKey { sealed: String, own: String },
    #[error("the sealed text is damaged, or was made for another resource: write the settings again")]
    Damaged,
}

/// Seals `text` to an agent's public key (base64) for the resource `name`.
///
/// # Errors
/// [`SealError::BadKey`] when that is no key.
pub fn seal(public_key: &str, name: &str, text: &[u8]) -> Result<SealedText, SealError> {
    let public = key(public_key).ok_or(SealError::BadKey)?;
    let sealed = SUITE.seal(INFO, &bound(name), text, &HpkePublicKey(public.clone()));
    let (secret, sealed) = sealed.map_err(|_| SealError::BadKey)?;
    Ok(SealedText { key: key_id(&public), secret: encode(&secret.0), text: encode(&sealed) })
}

/// An agent's key pair.
pub struct OpeningKey {
    private: Vec<u8>,
    public: Vec<u8>,
}

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpeningKey({})", key_id(&self.public))
    }
}

impl OpeningKey {
    /// Makes a key pair.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when the system gives no randomness.
    pub fn generate() -> Result<Self, SealError> {
        let (public, private) = SUITE.generate_key_pair().map_err(|_| SealError::BadKey)?;
        Ok(Self { private: private.secret_bytes().to_vec(), public: public.0 })
    }

    /// Reads what [`Self::to_stored`] gave.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when it is anything else.
    pub fn from_stored(text: &str) -> Result<Self, SealError> {
        let (private, public) = text.trim().split_once('.').ok_or(SealError::BadKey)?;
        let both = key(private).zip(key(public)).ok_or(SealError::BadKey)?;
        Ok(Self { private: both.0, public: both.1 })
    }

    /// Both halves, for a file that only its owner reads.
    pub fn to_stored(&self) -> String {
        format!("{}.{}", encode(&self.private), encode(&self.public))
    }

    /// The public half in base64.
    pub fn public(&self) -> String {
        encode(&self.public)
    }

    /// Opens a text sealed to this key for the resource `name`.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, name: &str, sealed: &SealedText) -> Result<Vec<u8>, SealError> {
        let own = key_id(&self.public);
        if sealed.key != own {
            let sealed = sealed.key.chars().take(40).collect();
            return Err(SealError::OtherKey { sealed, own });
        }
        let secret = decode(&sealed.secret).ok_or(SealError::Damaged)?;
        let text = decode(&sealed.text).ok_or(SealError::Damaged)?;
        let private = HpkePrivateKey::from(self.private.clone());
        SUITE
            .open(&EncapsulatedSecret(secret), INFO, &bound(name), &text, &private)
            .map_err(|_| SealError::Damaged)
    }
}

fn key(text: &str) -> Option<Vec<u8>> {
    decode(text).filter(|key| key.len() == KEY_BYTES)
}

/// Ids of resources do not tell cases apart.
fn bound(name: &str) -> Vec<u8> {
    name.to_ascii_lowercase().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "/subscriptions/S/machines/m/extensions/MDE.Linux";

    #[test]
    fn only_the_agent_and_only_for_that_resource_opens_what_was_sealed() {
        let key = OpeningKey::generate().unwrap();
        let sealed = seal(&key.public(), NAME, b"{\"secret\":1}").unwrap();
        assert_eq!(key.open(NAME, &sealed).unwrap(), b"{\"secret\":1}");
        assert_eq!(key.open(&NAME.to_lowercase(), &sealed).unwrap(), b"{\"secret\":1}");
        let stored = OpeningKey::from_stored(&key.to_stored()).unwrap();
        assert_eq!(stored.open(NAME, &sealed).unwrap(), b"{\"secret\":1}");

        assert_eq!(key.open("/subscriptions/S/machines/other", &sealed), Err(SealError::Damaged));
        let other = OpeningKey::generate().unwrap();
        assert!(matches!(other.open(NAME, &sealed), Err(SealError::OtherKey { .. })));
        let posing = SealedText { key: key_id(&decode(&other.public()).unwrap()), ..sealed.clone() };
        assert_eq!(other.open(NAME, &posing), Err(SealError::Damaged));
        assert!(!format!("{key:?}").contains(&key.to_stored()));
    }

    #[test]
    fn a_changed_or_cut_text_does_not_open() {
        let key = OpeningKey::generate().unwrap();
        let sealed = seal(&key.public(), NAME, b"text").unwrap();
        let bytes = decode(&sealed.text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = SealedText { text: encode(&changed), ..sealed.clone() };
            assert_eq!(key.open(NAME, &changed), Err(SealError::Damaged), "byte {at}");
            let cut = SealedText { text: encode(&bytes[..at]), ..sealed.clone() };
            assert_eq!(key.open(NAME, &cut), Err(SealError::Damaged), "cut at {at}");
        }
        for odd in ["", "?", "AAAA"] {
            let odd = SealedText { secret: odd.to_owned(), ..sealed.clone() };
            assert_eq!(key.open(NAME, &odd), Err(SealError::Damaged));
        }
        for key in ["", "AAAA", "not base64", &encode(&[0; 32])] {
            assert_eq!(seal(key, NAME, b"x"), Err(SealError::BadKey), "{key}");
            assert!(OpeningKey::from_stored(key).is_err());
        }
    }
}
