//! Keys and certificates, made at first start and kept under `<data>/pki`.
//!
//! Two authorities that never sign for each other: one for the server's own certificate, which agents and
//! browsers pin or trust, and one for agents' client certificates. A key that signs tokens is
//! the third, one that signs packages of the agent the fourth.

mod authority;
mod files;
mod peer;
mod server_certificate;
mod token_keys;

use std::path::{Path, PathBuf};

use bartizan_base::{ErrorKind, Ticks};
use rcgen::KeyPair;

pub(crate) use authority::hex;
pub use authority::{AgentAuthority, AgentCertificate};
pub use peer::PeerCertificate;
pub use token_keys::{Replaced, TokenKeys};

/// What can go wrong with keys and certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("cannot {action} `{path}`")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot use the key or certificate in `{path}`")]
    Damaged {
        path: PathBuf,
        #[source]
        source: rcgen::Error,
    },
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// The agent's certificate signing request.
    #[error("the certificate signing request is not usable: {0}")]
    Request(String),
    #[error(
        "{0} former keys are believed already; wait until the tokens of one have ended, or withdraw them"
    )]
    TooManyKeys(usize),
    #[error("the certificate names no machine")]
    NoMachine,
}

impl PkiError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(_) => ErrorKind::Invalid,
            Self::NoMachine => ErrorKind::Unauthenticated,
            Self::TooManyKeys(_) => ErrorKind::Conflict,
            Self::File { .. } | Self::Damaged { .. } | Self::Make(_) => ErrorKind::Internal,
        }
    }
}

/// Everything the server needs to prove who it is and to check who others are.
#[derive(Debug)]
pub struct Pki {
    /// PEM of the authority that signed the server's certificate.
    pub server_ca: String,
    /// Where that PEM is, for people to give to their tools.
    pub server_ca_path: PathBuf,
    /// PEM of the server's certificate.
    pub server_certificate: String,
    /// PEM of its key.
    pub server_key: String,
    /// Host names and addresses that the server's certificate has, in small letters.
    pub names: Vec<String>,
    pub agents: AgentAuthority,
    /// Sign access tokens.
    pub token_keys: TokenKeys,
    /// Where all of these are.
    pub dir: PathBuf,
}

impl Pki {
    /// Opens `dir`, making what is missing, and renews the server's certificate when it nears its end or
    /// does not have all `names` (host names and addresses).
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn open(dir: &Path, names: &[String], now: Ticks) -> Result<Self, PkiError> {
        files::private_dir(dir)?;
        let ca = authority::open(dir, "ca", "Bartizan Server CA", now)?;
        let (server_certificate, server_key) = server_certificate::open(dir, &ca, names, now)?;
        let agents = AgentAuthority::new(authority::open(dir, "agents-ca", "Bartizan Agent CA", now)?);
        let token_keys = TokenKeys::open(dir, now)?;
        Ok(Self {
            server_ca: ca.pem,
            server_ca_path: dir.join("ca.pem"),
            server_certificate,
            server_key,
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            agents,
            token_keys,
            dir: dir.to_owned(),
        })
    }

    /// The key in `dir` that signs packages of the agent, made when there is none: PKCS #8, DER.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn package_key(dir: &Path) -> Result<Vec<u8>, PkiError> {
        Ok(files::key(&dir.join("packages.key"))?.serialize_der())
    }

    /// The key in `dir` that signs access tokens, for a program beside the server. It changes nothing else.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn token_key(dir: &Path) -> Result<KeyPair, PkiError> {
        files::key(&dir.join("token-signing.key"))
    }
}
