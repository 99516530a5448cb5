//! The server's own certificate: renewed at start when it is due or its names changed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use bartizan_base::Ticks;
use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::pki::authority::{Authority, params};
use crate::pki::{PkiError, files};

/// Browsers refuse server certificates that live longer than 398 days.
const DAYS: i64 = 397;
/// Renewed when less than this is left.
const RENEW_SECONDS: i64 = 60 * 86_400;

/// The certificate and key as PEM.
pub(crate) fn open(
    dir: &Path,
    ca: &Authority,
    names: &[String],
    now: Ticks,
) -> Result<(String, String), PkiError> {
    let path = dir.join("server.pem");
    let key = files::key(&dir.join("server.key"))?;
    let wanted: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    if let Some(pem) = files::read(&path)?
        && still_good(&pem, &wanted, now)
    {
        return Ok((pem, key.serialize_pem()));
    }
    let mut params = params(names.first().map_or("localhost", String::as_str), now, DAYS);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    for name in &wanted {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(PkiError::Make)?),
        });
    }
    let certificate = params.signed_by(&key, &ca.issuer).map_err(PkiError::Make)?;
    let pem = format!("{}{}", certificate.pem(), ca.pem);
    files::write(&path, &pem)?;
    tracing::info!(names = names.join(" "), "made a server certificate");
    Ok((pem, key.serialize_pem()))
}

fn still_good(pem: &str, wanted: &BTreeSet<String>, now: Ticks) -> bool {
    let Ok((_, block)) = x509_parser::pem::parse_x509_pem(pem.as_bytes()) else { return false };
    let Ok((_, certificate)) = X509Certificate::from_der(&block.contents) else { return false };
    let left = certificate.validity().not_after.timestamp() - now.unix_seconds();
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let has: BTreeSet<String> = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    left > RENEW_SECONDS && wanted.is_subset(&has)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
