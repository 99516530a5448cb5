//! One endpoint, tried hop by hop over plain sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bartizan_wire::{EndpointReport, Hop, HopOutcome, HopReport};
use base64::Engine as _;
use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::Limits;
use super::answer::{self, Answer, HEAD_BYTES_MAX};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// The server's own answer to "are you there?", which needs no identity.
const PATH: &str = "/healthz";

/// What a hop found, or its error with the way out.
type Found = Result<String, (String, String)>;

/// A look that is ready to be taken.
pub struct Probe {
    name: &'static str,
    secure: bool,
    host: String,
    port: u16,
    proxy: Option<Proxy>,
    tls: Arc<ClientConfig>,
    limits: Limits,
}

struct Proxy {
    host: String,
    port: u16,
    /// `Basic …`, never shown.
    authorization: Option<String>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Probe {
    /// Prepares a look at `url`.
    ///
    /// # Errors
    /// When the address has no host, or the proxy is of a kind that the agent cannot use.
    pub fn new(
        name: &'static str,
        url: Url,
        proxy: Option<&str>,
        mut tls: ClientConfig,
        limits: Limits,
    ) -> Result<Self> {
        // The look speaks HTTP/1 by hand.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            name,
            secure: url.scheme() == "https",
            host: host_of(&url).with_context(|| format!("the address `{url}` has no host"))?,
            port: url.port_or_known_default().unwrap_or(443),
            proxy: proxy.map(Proxy::parse).transpose()?,
            tls: Arc::new(tls),
            limits,
        })
    }

    /// Goes as far as it gets.
    pub async fn run(&self) -> (EndpointReport, Option<Answer>) {
        let mut hops = Vec::new();
        let answer = self.pass(&mut hops).await;
        let mut expected = vec![Hop::Dns, Hop::Tcp];
        expected.extend(self.proxy.as_ref().map(|_| Hop::Proxy));
        expected.extend(self.secure.then_some(Hop::Tls));
        expected.push(Hop::Http);
        for hop in expected.into_iter().skip(hops.len()) {
            let (detail, fix) = (String::new(), String::new());
            hops.push(HopReport { hop, outcome: HopOutcome::NotTried, milliseconds: 0, detail, fix });
        }
        let scheme = if self.secure { "https" } else { "http" };
        let report = EndpointReport {
            name: self.name.to_owned(),
            url: format!("{scheme}://{}:{}", bracketed(&self.host), self.port),
            proxy: self
                .proxy
                .as_ref()
                .map(|proxy| format!("http://{}:{}", bracketed(&proxy.host), proxy.port)),
            hops,
        };
        (report, answer)
    }

    async fn pass(&self, hops: &mut Vec<HopReport>) -> Option<Answer> {
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => (self.host.as_str(), self.port),
        };
        let started = Instant::now();
        let addresses = record(hops, Hop::Dns, started, resolve(host, port, self.limits.dns).await)?;
        let started = Instant::now();
        let stream = record(hops, Hop::Tcp, started, connect(&addresses, self.limits.tcp).await)?;
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if let Some(proxy) = &self.proxy {
            let started = Instant::now();
            let passed =
                limit(self.limits.proxy, self.through(proxy, &mut stream), "the proxy does not answer").await;
            record(hops, Hop::Proxy, started, passed.map(|shown| ((), shown)))?;
        }
        if self.secure {
            let started = Instant::now();
            let secured = limit(self.limits.tls, self.secure(stream), "the TLS handshake does not end").await;
            stream = record(hops, Hop::Tls, started, secured)?;
        }
        let started = Instant::now();
        let answered = limit(self.limits.http, self.ask(&mut stream), "no answer comes").await;
        record(hops, Hop::Http, started, answered)
    }

    async fn through(&self, proxy: &Proxy, stream: &mut Box<dyn Stream>) -> Found {
        let target = format!("{}:{}", bracketed(&self.host), self.port);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &proxy.authorization {
            request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        let answer = exchange(stream, &request).await.map_err(|error| {
            (error, "is that address an HTTP proxy? check host and port of --proxy".to_owned())
        })?;
        let shown = format!("{} {}", answer.status, answer.reason).trim().to_owned();
        match answer.status {
            200..=299 => Ok(shown),
            407 => Err((
                shown,
                "give the proxy's user and password: --proxy http://user:password@host:port".to_owned(),
            )),
            403 => Err((shown, format!("let the proxy allow CONNECT to {target}"))),
            502..=504 => {
                Err((shown, format!("the proxy itself does not reach {target}: look at its own way there")))
            }
            _ => Err((shown, format!("ask who runs the proxy why it refuses CONNECT to {target}"))),
        }
    }

    async fn secure(&self, stream: Box<dyn Stream>) -> Result<(Box<dyn Stream>, String), (String, String)> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| (error.to_string(), "use a host name or an address".to_owned()))?;
        match TlsConnector::from(self.tls.clone()).connect(name, stream).await {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version();
                let shown = match version {
                    Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3, certificate trusted",
                    _ => "TLS 1.2, certificate trusted",
                };
                Ok((Box::new(stream), shown.to_owned()))
            }
            Err(error) => Err(tls_failure(&error, &self.host)),
        }
    }

    async fn ask(&self, stream: &mut Box<dyn Stream>) -> Result<(Answer, String), (String, String)> {
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: bartizan-agent/{}\r\nConnection: close\r\n\r\n",
            bracketed(&self.host),
            self.port,
            crate::VERSION
        );
        let answer = exchange(stream, &request)
            .await
            .map_err(|error| (error, "is that address a Bartizan server? check host and port".to_owned()))?;
        let shown = format!("{} {}", answer.status, answer.reason).trim().to_owned();
        if answer.status >= 500 {
            return Err((shown, "the server is there and not well: look at its log".to_owned()));
        }
        Ok((answer, shown))
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // The text may hold a password, so messages do without it.
        let url = Url::parse(&whole).context("the proxy is not a URL")?;
        if url.scheme() != "http" {
            bail!("the proxy's scheme `{}` is not supported; use http://host:port", url.scheme());
        }
        let decode = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let authorization = (!url.username().is_empty()).then(|| {
            let pair = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        let host = host_of(&url).context("the proxy has no host")?;
        Ok(Self { host, port: url.port().unwrap_or(80), authorization })
    }
}

/// A host without the brackets that addresses of version 6 have in URLs.
fn host_of(url: &Url) -> Option<String> {
    Some(url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Notes how a hop came out; `None` when it failed.
fn record<T>(
    hops: &mut Vec<HopReport>,
    hop: Hop,
    started: Instant,
    result: Result<(T, String), (String, String)>,
) -> Option<T> {
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (outcome, detail, fix, value) = match result {
        Ok((value, detail)) => (HopOutcome::Passed, detail, String::new(), Some(value)),
        Err((detail, fix)) => (HopOutcome::Failed, detail, fix, None),
    };
    hops.push(HopReport { hop, outcome, milliseconds, detail, fix });
    value
}

async fn limit<T>(
    time: Duration,
    work: impl Future<Output = Result<T, (String, String)>>,
    what: &str,
) -> Result<T, (String, String)> {
    tokio::time::timeout(time, work).await.unwrap_or_else(|_| {
        let fix = "something on the way takes packets and gives none back: look at firewalls and packet sizes (MTU)";
        Err((format!("{what} within {} s", time.as_secs_f64()), fix.to_owned()))
    })
}

async fn resolve(
    host: &str,
    port: u16,
    time: Duration,
) -> Result<(Vec<SocketAddr>, String), (String, String)> {
    let fix =
        format!("check the name `{host}`, and /etc/resolv.conf of this machine or an entry in /etc/hosts");
    let found = match tokio::time::timeout(time, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect::<Vec<_>>(),
        Ok(Err(error)) => return Err((format!("`{host}` has no address: {error}"), fix)),
        Err(_) => return Err((format!("no name server answers within {} s", time.as_secs_f64()), fix)),
    };
    if found.is_empty() {
        return Err((format!("`{host}` has no address"), fix));
    }
    let shown: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    Ok((found, shown.join(", ")))
}

async fn connect(addresses: &[SocketAddr], time: Duration) -> Result<(TcpStream, String), (String, String)> {
    let mut failures = Vec::new();
    let mut fix = String::new();
    for address in addresses {
        match tokio::time::timeout(time, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, format!("connected to {address}"))),
            Ok(Err(error)) => {
                fix = tcp_fix(error.kind(), address);
                failures.push(format!("{address}: {error}"));
            }
            Err(_) => {
                fix = format!("a firewall drops the packets: allow outbound TCP to {address}");
                failures.push(format!("{address}: no answer within {} s", time.as_secs_f64()));
            }
        }
    }
    Err((failures.join("; "), fix))
}

fn tcp_fix(kind: io::ErrorKind, address: &SocketAddr) -> String {
    match kind {
        io::ErrorKind::ConnectionRefused => {
            format!(
                "nothing listens at {address}, or a firewall rejects it: is the server running, and the port right?"
            )
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            format!("this machine has no route to {}: check its network and gateway", address.ip())
        }
        io::ErrorKind::PermissionDenied => {
            format!("this machine's own firewall forbids it: allow outbound TCP to {address}")
        }
        _ => format!("check firewalls between this machine and {address}"),
    }
}

fn tls_failure(error: &io::Error, host: &str) -> (String, String) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fix = match inner {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate does not come from the authority that this agent trusts: either something on the way \
                 opens the connection (exempt the server from TLS inspection), or the server has a new authority \
                 (connect again with --force)"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired; or is this machine's clock ahead?".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet; is this machine's clock behind?".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the certificate is for other names than `{host}`: start the server with --public-name {host}")
            }
            _ => "the certificate cannot be used: look at the server's certificate".to_owned(),
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers there does not speak TLS: check host and port".to_owned()
        }
        _ => "the connection was cut in the handshake: look at firewalls and at what inspects TLS".to_owned(),
    };
    (error.to_string(), fix)
}

/// Sends a request and reads the head of the answer.
async fn exchange(stream: &mut Box<dyn Stream>, request: &str) -> Result<Answer, String> {
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    let mut byte = [0; 1];
    // One byte at a time, because after a proxy's head the next bytes are TLS.
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(0) if head.is_empty() => return Err("the connection is closed without an answer".to_owned()),
            Ok(0) => break,
            Ok(_) => head.push(byte[0]),
            Err(error) => return Err(error.to_string()),
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(format!("the answer's head is longer than {HEAD_BYTES_MAX} bytes"));
        }
    }
    answer::parse(&head).ok_or_else(|| "the answer is not HTTP".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_as_people_write_them_and_other_kinds_refused() {
        let proxy = Proxy::parse("http://us%40er:p%3Aw@proxy.example:3128").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        let expected = base64::engine::general_purpose::STANDARD.encode("us@er:p:w");
        assert_eq!(proxy.authorization, Some(format!("Basic {expected}")));
        let bare = Proxy::parse("proxy:8080").unwrap();
        assert_eq!((bare.host.as_str(), bare.port, bare.authorization), ("proxy", 8080, None));
        for text in ["socks5://user:secret@proxy:1080", "http://", "http://user:secret@:x"] {
            let error = Proxy::parse(text).err().map(|error| format!("{error:#}")).unwrap();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
