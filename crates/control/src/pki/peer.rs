//! The client certificate of a connection.

use bartizan_base::Ticks;
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::pki::PkiError;
use crate::pki::authority::hex;

/// Who is at the other end, as its certificate says. TLS has checked signature, dates and authority; whether
/// the agent is still enrolled is checked with each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    pub vm_id: Uuid,
    /// In lower-case hex.
    pub serial: String,
    /// TLS looks at this at the start of a first connection; resumed and long ones outlive it.
    pub ends: Ticks,
}

impl PeerCertificate {
    /// Reads a verified certificate.
    ///
    /// # Errors
    /// When its subject is not a machine.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| PkiError::NoMachine)?;
        let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let vm_id = name.and_then(|name| Uuid::parse_str(name).ok()).ok_or(PkiError::NoMachine)?;
        let ends = Ticks::from_unix_millis(certificate.validity().not_after.timestamp().saturating_mul(1000));
        Ok(Self { ends, vm_id, serial: hex(certificate.raw_serial()) })
    }
}
