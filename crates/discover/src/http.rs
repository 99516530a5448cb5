//! Calls to the APIs of sources: bounded, verified, and never somewhere else than they were sent.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;

use crate::error::{DiscoverError, chain, shown};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// One page of an answer, from the first packet to the last.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// One page of an answer; 1,000 machines are some 10 MB with the wordiest source.
const BODY_MAX: usize = 64 << 20;
/// Pages of one list: with the smallest page that sources give (100), more than may be listed.
pub(crate) const PAGES_MAX: usize = 1_000;

/// How to reach an HTTPS endpoint; the same keys in every connection that has one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpsOptions {
    /// A file with authorities in PEM to trust besides the system's.
    pub ca: Option<std::path::PathBuf>,
    /// Not to ask whose certificate it is. Who listens between can then read the credential.
    pub verify: Option<bool>,
    /// `http://proxy.example.org:3128`.
    pub proxy: Option<String>,
}

/// A client for one endpoint.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    pub(crate) endpoint: Url,
    connector: &'static str,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Http {
    /// Sets a client up; nothing is sent yet.
    pub(crate) fn new(
        connector: &'static str,
        endpoint: &str,
        https: &HttpsOptions,
    ) -> Result<Self, DiscoverError> {
        let wrong = |what: String, way_out: &str| DiscoverError {
            connector,
            endpoint: bare(endpoint),
            what,
            way_out: way_out.to_owned(),
        };
        let url = Url::parse(endpoint).map_err(|error| {
            wrong(
                format!("is no address ({error})"),
                "set `endpoint` to one such as https://host.example.org/",
            )
        })?;
        // A stand-in on this machine may do without TLS; a credential that leaves it may not.
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(wrong(
                "does not begin with https://".to_owned(),
                "credentials are only sent over TLS",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "has a user or password in it".to_owned(),
                "give them by their own keys in the connection's file",
            ));
        }
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .tls_danger_accept_invalid_certs(https.verify == Some(false))
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &https.ca {
            builder = builder.tls_certs_merge(
                authorities(ca)
                    .map_err(|what| wrong(what, "`ca` names a file in PEM that the server may read"))?,
            );
        }
        if let Some(proxy) = &https.proxy {
            // The error of a wrong proxy repeats it, and it may hold a password.
            let proxy = reqwest::Proxy::all(proxy).map_err(|_| {
                wrong(
                    "cannot be reached: `proxy` is no address".to_owned(),
                    "use one such as http://host:3128",
                )
            })?;
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| {
            wrong(format!("no client can be set up ({})", chain(&error)), "check the system's certificates")
        })?;
        Ok(Self { client, endpoint: url, connector })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// An error at this endpoint.
    pub(crate) fn error(&self, what: impl Into<String>, way_out: impl Into<String>) -> DiscoverError {
        DiscoverError {
            connector: self.connector,
            endpoint: bare(self.endpoint.as_str()),
            what: what.into(),
            way_out: way_out.into(),
        }
    }

    /// Sends a request and reads its answer, of any status.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, DiscoverError> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        if status.is_redirection() {
            return Err(self.error(
                format!("answers {status}, and redirects are not followed"),
                "set `endpoint` to the address that answers itself",
            ));
        }
        let mut body = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| self.unreachable(&error))?;
            if body.len() + part.len() > BODY_MAX {
                return Err(self.error(
                    format!("answers with more than {} MiB at once", BODY_MAX >> 20),
                    "check that this is the API and not something else",
                ));
            }
            body.extend_from_slice(&part);
        }
        let body = String::from_utf8(body)
            .map_err(|_| self.error("answers with what is not text", "check that this is the API"))?;
        Ok(Answer { status, headers, body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> DiscoverError {
        let text = shown(&chain(&Bare(error)));
        let lower = text.to_ascii_lowercase();
        let way_out = if lower.contains("certificate") || lower.contains("unknownissuer") {
            "name the authority that signed its certificate with `ca` in the connection's file"
        } else {
            "check the address, name resolution and the firewall between the server and it"
        };
        self.error(format!("cannot be reached ({text})"), way_out)
    }
}

/// What failed, without where: the address is told already, and may have a query.
#[derive(Debug)]
struct Bare<'a>(&'a reqwest::Error);

impl std::fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_timeout() {
            "no answer in time"
        } else if self.0.is_connect() {
            "no connection"
        } else {
            "the answer broke off"
        })
    }
}

impl std::error::Error for Bare<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// An address without user, password and query.
fn bare(endpoint: &str) -> String {
    match Url::parse(endpoint) {
        Ok(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            // Addresses that cannot have them have none to take away.
            let _cannot = (url.set_username(""), url.set_password(None));
            url.to_string()
        }
        Err(_) => shown(endpoint),
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = std::fs::read(path)
        .map_err(|error| format!("the file `{}` cannot be read ({error})", path.display()))?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        Err(format!("there is no certificate in the file `{}`", path.display()))
    } else {
        Ok(found)
    }
}
