//! Who this machine is to the server: key, certificate, pinned CA, and the resource it became.
//!
//! Everything is one file, `identity.json`, owner-readable only: a renewal replaces key and certificate in
//! one rename, so there is no moment at which they do not fit together.

use std::io;
use std::path::{Path, PathBuf};

use bartizan_base::{ResourceId, TenantId, Ticks, Timespan};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files;

/// What `connect` stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `https://host:port` of the server.
    pub server: String,
    /// Proxy for every call, if the network needs one.
    #[serde(default)]
    pub proxy: Option<String>,
    pub machine_id: ResourceId,
    pub vm_id: Uuid,
    pub tenant_id: TenantId,
    /// PEM of the private key, made on this machine.
    pub key: Pem,
    /// PEM client certificate followed by its issuer.
    pub certificate: String,
    /// PEM of the CA the server's certificate must come from.
    pub server_ca: String,
    pub certificate_obtained: Ticks,
    pub certificate_expires: Ticks,
    /// This machine was onboarded directly, so that it may be connected fully without giving up who it is.
    #[serde(default)]
    pub direct: bool,
}

/// A secret text that never shows in debug output.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pem(pub String);

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem(***)")
    }
}

impl Identity {
    /// Where the identity lies below the state folder.
    pub fn path(state: &Path) -> PathBuf {
        state.join("identity.json")
    }

    /// The stored identity; `None` when this machine is not connected.
    ///
    /// # Errors
    /// When the file is there and unreadable.
    pub fn load(state: &Path) -> io::Result<Option<Self>> {
        files::read_json(&Self::path(state))
    }

    /// Stores the identity.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub fn store(&self, state: &Path) -> io::Result<()> {
        files::write_json(&Self::path(state), self)
    }

    /// When to ask for the next certificate: at two thirds of this one's life.
    pub fn renew_at(&self) -> Ticks {
        let life = self.certificate_expires.0.saturating_sub(self.certificate_obtained.0).max(0);
        self.certificate_obtained.saturating_add(Timespan(life / 3 * 2))
    }
}

/// A fresh P-256 key and a signing request for it.
#[derive(Debug)]
pub struct KeyRequest {
    pub key: Pem,
    /// PEM signing request.
    pub csr: String,
}

impl KeyRequest {
    /// Makes a key pair. The subject is only a hint for people reading the request; the server writes its own.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate(host_name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, host_name);
        let csr = params.serialize_request(&key)?.pem()?;
        Ok(Self { key: Pem(key.serialize_pem()), csr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_never_prints() {
        let request = KeyRequest::generate("web-1").unwrap();
        assert!(request.csr.contains("BEGIN CERTIFICATE REQUEST"));
        assert!(!format!("{request:?}").contains("PRIVATE"));
    }
}
