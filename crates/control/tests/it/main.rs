//! Every door over real HTTPS: what it does, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]

mod access;
mod accounts;
mod activity;
mod agents;
mod arm;
mod azure;
mod bad_input;
mod clients;
mod collection;
mod daily_cap;
mod direct;
mod discovery;
mod elastic;
mod export;
mod export_s3;
mod graph;
mod guest_configuration;
mod hierarchy;
mod identity;
mod ingest;
mod ingest_files;
mod kept;
mod kusto;
mod leaks;
mod machine_side;
mod moving;
mod otlp;
mod outside;
mod paths;
mod plans;
mod policy;
mod policy_import;
mod policy_insights;
mod portal;
mod query;
mod races;
mod remediation;
mod s3_store;
mod security;
mod shared_views;
mod sign_in;
mod signing_keys;
mod standby;
mod subscriptions;
mod switches;
mod syslog;
mod tenant;
mod test_alerts;
mod upkeep;
mod usage;
mod walk;
mod workspaces;

use std::net::SocketAddr;
use std::sync::Arc;

use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) async fn server() -> InProcess {
    InProcess::start().await.unwrap()
}

pub(crate) async fn owner(server: &InProcess) -> Caller {
    server.principal("Owner").await.unwrap()
}

/// Status and error code in one word: `404 ResourceNotFound`.
pub(crate) fn outcome(answer: Answer) -> String {
    let code = answer.code();
    if code.is_empty() { answer.status.to_string() } else { format!("{} {code}", answer.status) }
}

/// Runs a query and gives its rows.
pub(crate) async fn rows(server: &InProcess, caller: &Caller, query: &str) -> Value {
    let path = format!("/v1/workspaces/{}/query", server.server.app.home.customer);
    let answer = caller.post(&path, json!({"query": query})).await.unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()["tables"][0]["rows"].clone()
}

/// Waits for `check` to hold; background work has no other way to be seen.
pub(crate) async fn eventually<F, Fut>(what: &str, check: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    for _ in 0..200 {
        if check().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}

/// A TLS connection to one of the server's addresses by the server's authority, with a client certificate where there is one.
pub(crate) async fn tls(
    s: &InProcess,
    address: SocketAddr,
    identity: Option<(&str, &str)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(s.server.app.pki.server_ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}
