//! What `externaldata` may read: the setting, and getting files from other machines.
//!
//! Whoever may ask queries chooses the address, so the server asks nobody whom its operator has not named: an
//! address must begin with an entry of the list, redirects are not followed, and a name must not lead into a
//! network of one's own unless that network is named too. Otherwise a query could read what only this machine may
//! reach, such as a cloud's metadata service.

use std::error::Error as _;
use std::fmt::{Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use bartizan_engine::{ExternalData, Fetch};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};

/// How long one file may take, from the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The setting. Nothing is read while `places` is empty.
#[derive(Clone, Debug)]
pub struct ExternalOptions {
    /// What an address must begin with: `https://host/folder/`, `file:///folder/`, or one file.
    pub places: Vec<String>,
    /// Private networks that hosts of the places may be in.
    pub networks: Vec<IpNet>,
    /// Authorities to trust besides those of the system, in a PEM file.
    pub ca: Option<PathBuf>,
    /// Bytes of all files of one query, packed and unpacked.
    pub bytes_max: u64,
}

impl Default for ExternalOptions {
    fn default() -> Self {
        Self { places: Vec::new(), networks: Vec::new(), ca: None, bytes_max: 64 << 20 }
    }
}

impl ExternalOptions {
    /// What the engine is given; none when nothing may be read.
    ///
    /// # Errors
    /// When a place is not one that could be read, or the authorities cannot be.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Arc<ExternalData>>> {
        if self.places.is_empty() {
            return Ok(None);
        }
        self.places.iter().try_for_each(|place| check_place(place))?;
        let fetch = Https::new(self.networks.clone(), self.ca.as_deref())?;
        Ok(Some(Arc::new(ExternalData {
            allowed: self.places.clone(),
            bytes_max: self.bytes_max,
            timeout: TIMEOUT,
            fetch: Some(Arc::new(fetch)),
        })))
    }
}

/// A place names a host or a folder, so that nothing else begins as it does.
fn check_place(place: &str) -> anyhow::Result<()> {
    if let Some(path) = place.strip_prefix("file://") {
        ensure!(
            Path::new(path).is_absolute() && !path.contains("..") && path != "/",
            "the external data place `{place}` must be a folder or file such as file:///srv/lists/"
        );
        return Ok(());
    }
    let url =
        Url::parse(place).with_context(|| format!("the external data place `{place}` is no address"))?;
    ensure!(
        url.scheme() == "https",
        "the external data place `{place}` must begin with https:// or file:///"
    );
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    // `https://lists.example.org` alone is also how `https://lists.example.org.evil.example` begins
    let slash = place.strip_prefix("https://").is_some_and(|rest| rest.contains('/'));
    ensure!(
        plain && slash && url.host().is_some(),
        "the external data place `{place}` must be a host and a path without user, password or query, such as \
         https://lists.example.org/feeds/"
    );
    Ok(())
}

/// Gets files over HTTPS.
#[derive(Debug)]
struct Https {
    client: Client,
    networks: Arc<Vec<IpNet>>,
}

impl Https {
    fn new(networks: Vec<IpNet>, ca: Option<&Path>) -> anyhow::Result<Self> {
        let networks = Arc::new(networks);
        let mut builder = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // packed files are unpacked by the engine, which counts what comes out
            .no_gzip()
            .dns_resolver(Arc::new(Guarded { networks: Arc::clone(&networks) }))
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca {
            let read = || format!("cannot read the authorities in `{}`", path.display());
            let pem = std::fs::read(path).with_context(read)?;
            let authorities = Certificate::from_pem_bundle(&pem).with_context(read)?;
            ensure!(!authorities.is_empty(), "there is no certificate in `{}`", path.display());
            builder = builder.tls_certs_merge(authorities);
        }
        let client = builder.build().context("cannot set up the client for external data")?;
        Ok(Self { client, networks })
    }
}

#[async_trait]
impl Fetch for Https {
    async fn fetch(&self, uri: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let url = Url::parse(uri).map_err(|error| error.to_string())?;
        // an address needs no name looked up, so nobody else would look at it
        let literal = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
        if let Some(Ok(address)) = literal.map(str::parse::<IpAddr>)
            && !allowed(address, &self.networks)
        {
            return Err(Private(url.host_str().unwrap_or_default().to_owned()).to_string());
        }
        let mut answer = self.client.get(url).send().await.map_err(|error| reason(&error))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(format!("the server answered {status}, and redirects are not followed"));
        }
        if !status.is_success() {
            return Err(format!("the server answered {status}"));
        }
        let too_large = || format!("it is larger than {bytes_max} bytes");
        if answer.content_length().is_some_and(|length| length > bytes_max) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| reason(&error))? {
            if (bytes.len() + chunk.len()) as u64 > bytes_max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// The innermost cause, without the address, whose query may be a secret.
fn reason(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else {
        return if error.is_timeout() { "it takes too long" } else { "the request failed" }.to_owned();
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A host inside a network that is not named.
#[derive(Debug)]
struct Private(String);

impl Display for Private {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is in a private network that is not among the external data networks", self.0)
    }
}

impl std::error::Error for Private {}

/// Looks names up, and leaves out addresses that may not be asked.
#[derive(Debug)]
struct Guarded {
    networks: Arc<Vec<IpNet>>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = Arc::clone(&self.networks);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let left: Vec<SocketAddr> =
                found.into_iter().filter(|address| allowed(address.ip(), &networks)).collect();
            if left.is_empty() {
                return Err(Box::new(Private(host)) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(left.into_iter()) as Addrs)
        })
    }
}

/// Whether an address may be asked: one that the whole Internet can reach, or one of the networks.
fn allowed(address: IpAddr, networks: &[IpNet]) -> bool {
    // `::ffff:10.0.0.1` is another spelling of `10.0.0.1`
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address)) || is_public(address)
}

/// What is left without the special-purpose addresses of RFC 6890 and its registry.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                // shared address space (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544)
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            // global unicast is 2000::/3; documentation and translation (6to4, Teredo) lie within it
            let translated = first == 0x2002 || (first == 0x2001 && v6.segments()[1] < 0x200);
            let documentation = first == 0x2001 && v6.segments()[1] == 0xdb8;
            first & 0xe000 == 0x2000 && !translated && !documentation
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_a_host_or_a_folder() {
        for place in
            ["https://lists.example.org/", "https://lists.example.org/feeds/ips.csv", "file:///srv/lists/"]
        {
            assert!(check_place(place).is_ok(), "{place}");
        }
        for place in [
            "https://lists.example.org",
            "https://",
            "http://lists.example.org/",
            "https://user:word@lists.example.org/",
            "https://lists.example.org/a?key=1",
            "ftp://lists.example.org/",
            "lists.example.org/",
            "file:///",
            "file://lists/",
            "file:///srv/../etc/",
        ] {
            let error = check_place(place).unwrap_err().to_string();
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn only_public_addresses_and_named_networks() {
        let networks: Vec<IpNet> = vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()];
        for (address, wanted) in [
            ("8.8.8.8", true),
            ("2606:4700::1111", true),
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("fd00:1::5", true),
            ("10.2.0.1", false),
            ("192.168.1.1", false),
            ("172.16.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("fe80::1", false),
            ("fd00:2::5", false),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(allowed(address.parse().unwrap(), &networks), wanted, "{address}");
        }
    }

    #[test]
    fn nothing_is_read_by_default() {
        assert!(ExternalOptions::default().open().unwrap().is_none());
    }

    /// A server on this machine with a certificate of its own: its port, and the file to trust.
    async fn lists(dir: &Path) -> (u16, PathBuf) {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let authority = dir.join("ca.pem");
        std::fs::write(&authority, made.cert.pem()).unwrap();
        let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // who does not trust us ends the handshake
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream).await;
                    }
                });
            }
        });
        (port, authority)
    }

    async fn answer(mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head);
        let path = head.split([' ', '?']).nth(1).unwrap_or_default();
        let answer = match path {
            "/feeds/a.csv" => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\na,1\n",
            "/feeds/chunks.csv" => {
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                 8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n"
            }
            "/feeds/moved.csv" => {
                "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/feeds/a.csv\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        };
        // a client that has heard enough hangs up
        drop(stream.write_all(answer.as_bytes()).await);
        drop(stream.shutdown().await);
    }

    #[tokio::test]
    async fn files_come_over_tls_from_named_networks() {
        let dir = tempfile::tempdir().unwrap();
        let (port, authority) = lists(dir.path()).await;
        let networks: Vec<IpNet> = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let named = Https::new(networks.clone(), Some(&authority)).unwrap();
        let place = |host: &str, file: &str| format!("https://{host}:{port}/feeds/{file}");
        assert_eq!(named.fetch(&place("127.0.0.1", "a.csv"), 4).await.unwrap(), b"a,1\n");
        assert_eq!(named.fetch(&place("localhost", "a.csv"), 4).await.unwrap(), b"a,1\n");
        let strict = Https::new(Vec::new(), Some(&authority)).unwrap();
        let strange = Https::new(networks, None).unwrap();
        for (client, uri, wanted) in [
            (&named, place("127.0.0.1", "a.csv"), "larger than 3 bytes"),
            (&named, place("127.0.0.1", "chunks.csv?key=secret"), "larger than 3 bytes"),
            (&named, place("127.0.0.1", "moved.csv"), "redirects are not followed"),
            (&named, place("127.0.0.1", "gone.csv?key=secret"), "404"),
            (&strict, place("127.0.0.1", "a.csv"), "`127.0.0.1` is in a private network"),
            (&strict, place("localhost", "a.csv"), "`localhost` is in a private network"),
            (&strange, place("127.0.0.1", "a.csv"), "certificate"),
        ] {
            let error = client.fetch(&uri, 3).await.unwrap_err();
            assert!(error.contains(wanted) && !error.contains("secret"), "{uri}: {error}");
        }
    }
}
