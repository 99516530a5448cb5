//! TLS to the server: only the pinned CA is trusted, never the machine's own certificate store.
//!
//! Before the first contact there is no CA file on the machine, so `connect` may be given the fingerprint
//! of the CA instead (the portal's script carries it). Then the server must send that very CA along in its
//! chain, and its certificate must come from it by the ordinary rules.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

/// What makes a server's certificate trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// PEM of one or more CA certificates.
    Ca(String),
    /// SHA-256 of the CA certificate (DER).
    Fingerprint([u8; 32]),
}

impl Trust {
    /// Reads a fingerprint: 64 hex digits, with or without colons and a `sha256:` in front.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_fingerprint(text: &str) -> Result<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix("sha256:").or(digits.strip_prefix("SHA256:")).unwrap_or(digits);
        let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b':').collect();
        let mut out = [0; 32];
        ensure!(digits.len() == 64, "the CA fingerprint `{text}` is not 64 hex digits (SHA-256)");
        for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).unwrap_or("");
            *byte = u8::from_str_radix(pair, 16).with_context(|| {
                format!("the CA fingerprint `{text}` has a character that is not a hex digit")
            })?;
        }
        Ok(Self::Fingerprint(out))
    }
}

/// A client configuration that trusts `trust` alone and, with `identity` (certificate PEM, key PEM), signs in as the machine.
///
/// # Errors
/// When a PEM text holds no certificate or key, or the two do not fit.
pub fn client_config(trust: &Trust, identity: Option<(&str, &str)>) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("cannot choose TLS versions")?;
    let builder = match trust {
        Trust::Ca(pem) => builder.with_root_certificates(roots(pem).context("the given CA cannot be used")?),
        Trust::Fingerprint(fingerprint) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(FingerprintVerifier {
                fingerprint: *fingerprint,
                provider,
            }))
        }
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key =
                PrivateKeyDer::from_pem_slice(key.as_bytes()).context("the private key is not valid PEM")?;
            builder.with_client_auth_cert(chain, key).context("certificate and key do not fit together")?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .context("a certificate is not valid PEM")?;
    if all.is_empty() {
        bail!("there is no certificate in the PEM text");
    }
    Ok(all)
}

fn roots(pem: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).context("a CA certificate cannot be used")?;
    }
    Ok(roots)
}

#[derive(Debug)]
struct FingerprintVerifier {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let is_wanted =
            |certificate: &&CertificateDer<'_>| Sha256::digest(certificate)[..] == self.fingerprint;
        let Some(ca) = intermediates.iter().find(is_wanted) else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_their_usual_forms_and_nothing_else() {
        let plain = "0f".repeat(32);
        let colons = ["0F"; 32].join(":");
        for text in [plain.clone(), format!("sha256:{plain}"), colons] {
            assert!(
                matches!(Trust::from_fingerprint(&text), Ok(Trust::Fingerprint(bytes)) if bytes == [15; 32]),
                "{text}"
            );
        }
        for text in ["", "abc", &"zz".repeat(32), &"0f".repeat(31)] {
            assert!(Trust::from_fingerprint(text).is_err(), "{text}");
        }
    }
}
