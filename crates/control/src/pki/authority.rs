//! Certificate authorities, and the certificates of agents.

use std::path::Path;

use bartizan_base::{Ticks, Timespan};
use rand::RngCore;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use uuid::Uuid;

use crate::pki::{PkiError, files};

/// Life of an authority: longer than that of any machine it speaks for.
const AUTHORITY_DAYS: i64 = 20 * 365;
/// Life of an agent's certificate; agents renew after two thirds of it.
const AGENT_DAYS: i64 = 90;

/// An authority: its certificate and the key that signs.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// Opens `<dir>/<name>.pem` and `.key`, or makes them.
pub(crate) fn open(dir: &Path, name: &str, common_name: &str, now: Ticks) -> Result<Authority, PkiError> {
    let path = dir.join(format!("{name}.pem"));
    let key = files::key(&dir.join(format!("{name}.key")))?;
    let pem = match files::read(&path)? {
        Some(pem) => pem,
        None => {
            let mut params =
                params(&format!("{common_name} {:08x}", rand::rng().next_u32()), now, AUTHORITY_DAYS);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let pem = params.self_signed(&key).map_err(PkiError::Make)?.pem();
            files::write(&path, &pem)?;
            pem
        }
    };
    let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|source| PkiError::Damaged { path, source })?;
    Ok(Authority { pem, issuer })
}

/// Common parts of all our certificates. Dates are whole days; starting yesterday allows for clocks that
/// are a little behind.
pub(crate) fn params(common_name: &str, now: Ticks, days: i64) -> CertificateParams {
    let date = |moment: Ticks| {
        let (year, month, day, ..) = moment.civil();
        rcgen::date_time_ymd(year, month, day)
    };
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date(now - Timespan::from_seconds(86_400));
    params.not_after = date(now + Timespan::from_seconds(days * 86_400));
    params.serial_number = Some(SerialNumber::from_slice(&serial()));
    params
}

/// 16 random bytes whose first is 0x40 to 0x7f, so that DER neither pads nor shortens them.
fn serial() -> [u8; 16] {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[0] = 0x40 | (bytes[0] & 0x3f);
    bytes
}

/// Signs agents' certificates.
#[derive(Debug)]
pub struct AgentAuthority(Authority);

/// A certificate for an agent.
#[derive(Clone, Debug)]
pub struct AgentCertificate {
    /// The certificate followed by its issuer.
    pub pem: String,
    /// Serial number in lower-case hex.
    pub serial: String,
    pub expires: Ticks,
}

impl AgentAuthority {
    pub(crate) fn new(authority: Authority) -> Self {
        Self(authority)
    }

    /// PEM of the authority's own certificate.
    pub fn pem(&self) -> &str {
        &self.0.pem
    }

    /// Signs a certificate that says `vm_id` and nothing that the request asks for but its key.
    ///
    /// # Errors
    /// [`PkiError::Request`] when the request cannot be read, is not signed by its own key, or has a key
    /// of another kind than P-256.
    pub fn issue(&self, request: &str, vm_id: Uuid, now: Ticks) -> Result<AgentCertificate, PkiError> {
        let request = CertificateSigningRequestParams::from_pem(request)
            .map_err(|error| PkiError::Request(error.to_string()))?;
        if request.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
            return Err(PkiError::Request("its key is not on the curve P-256".to_owned()));
        }
        let mut params = params(&vm_id.to_string(), now, AGENT_DAYS);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let serial = params.serial_number.clone().map(|serial| hex(&serial.to_bytes())).unwrap_or_default();
        let certificate = params.signed_by(&request.public_key, &self.0.issuer).map_err(PkiError::Make)?;
        let expires = Ticks::parse(&format!("{}", params.not_after.date())).unwrap_or(now);
        Ok(AgentCertificate { pem: format!("{}{}", certificate.pem(), self.0.pem), serial, expires })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
        out
    })
}
