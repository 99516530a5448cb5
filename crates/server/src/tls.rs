//! TLS settings: our certificate, and client certificates of agents where they come with one.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bartizan_control::pki::Pki;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A configuration for TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1.
pub(crate) fn config(pki: &Pki) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut agents = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pki.agents.pem().as_bytes()) {
        agents
            .add(certificate.context("cannot read the agents' authority")?)
            .context("cannot use the agents' authority")?;
    }
    // Browsers and SDKs have no certificate. An agent's that has ended is refused in the handshake.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(agents), Arc::clone(&provider))
        .allow_unauthenticated()
        // Naming our authority would make browsers ask their users for certificates.
        .clear_root_hint_subjects()
        .build()
        .context("cannot check agents' certificates")?;
    let (chain, key) = own(pki)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .context("the server's key and certificate do not fit")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// TLS for syslog: our certificate, and one of the sender's if an authority for those is given.
pub(crate) fn syslog(pki: &Pki, client_ca: Option<&Path>) -> anyhow::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let read = || format!("cannot read the senders' authority `{}`", path.display());
            let pem = std::fs::read(path).with_context(read)?;
            let mut senders = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                senders.add(certificate.with_context(read)?).with_context(read)?;
            }
            anyhow::ensure!(!senders.is_empty(), "there is no certificate in `{}`", path.display());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(senders), provider).build();
            builder.with_client_cert_verifier(verifier.context("cannot check senders' certificates")?)
        }
    };
    let (chain, key) = own(pki)?;
    let config =
        builder.with_single_cert(chain, key).context("the server's key and certificate do not fit")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The server's certificate and key.
fn own(pki: &Pki) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain =
        CertificateDer::pem_slice_iter(pki.server_certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key =
        PrivateKeyDer::from_pem_slice(pki.server_key.as_bytes()).context("cannot read the server's key")?;
    Ok((chain.context("cannot read the server's certificate")?, key))
}
