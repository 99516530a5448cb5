//! The way to the server over servers, proxies and networks that fail at each hop.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bartizan_agent::connectivity::{Limits, look};
use bartizan_agent::tls::Trust;
use bartizan_base::SystemClock;
use bartizan_wire::{ConnectivityReport, Hop, HopOutcome};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server whose certificate is for `names`, signed by its own authority.
struct TlsServer {
    port: u16,
    ca: String,
}

impl TlsServer {
    async fn start(names: &[&str], answer: &'static str) -> Self {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::from_params(&params, ca_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let port = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                drop(read_head(&mut stream).await);
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        })
        .await;
        Self { port, ca }
    }
}

/// Serves each connection with `work`.
async fn serve<F: Future<Output = ()> + Send + 'static>(
    work: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(work(stream));
        }
    });
    port
}

async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A proxy that connects on, or answers with `refusal`. It wants this user.
async fn proxy(refusal: Option<&'static str>) -> u16 {
    serve(move |mut stream| async move {
        let head = read_head(&mut stream).await;
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        // `user:pass` in base64.
        let refusal =
            refusal.or((!head.contains("Basic dXNlcjpwYXNz")).then_some("HTTP/1.1 407 Who are you\r\n\r\n"));
        if let Some(refusal) = refusal {
            drop(stream.write_all(refusal.as_bytes()).await);
            return;
        }
        let mut onward = TcpStream::connect(target).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut stream, &mut onward).await);
    })
    .await
}

async fn way(server: &str, proxy: Option<&str>, ca: &str) -> ConnectivityReport {
    // A busy machine takes its time; only what never comes runs into these.
    look(server, proxy, &Trust::Ca(ca.to_owned()), Limits::each(Duration::from_secs(60)), &SystemClock)
        .await
        .unwrap()
}

/// The failed hop, what was found there, and the way out; every later hop must say that it was not tried.
fn failure(report: &ConnectivityReport) -> (Hop, String, String) {
    let (endpoint, failed) = report.failure().expect("a hop fails");
    let after = endpoint.hops.iter().skip_while(|hop| hop.outcome == HopOutcome::Passed).skip(1);
    assert!(after.clone().all(|hop| hop.outcome == HopOutcome::NotTried), "{endpoint:?}");
    assert!(!failed.fix.is_empty() && !failed.detail.is_empty(), "{failed:?}");
    (failed.hop, failed.detail.clone(), failed.fix.clone())
}

const WELL: &str = "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_whole_way_is_passed_hop_by_hop_and_tells_the_clocks_difference() {
    let server = TlsServer::start(&["localhost"], WELL).await;
    let report = way(&format!("https://localhost:{}", server.port), None, &server.ca).await;
    assert_eq!(report.failure(), None, "{report:?}");
    let hops: Vec<Hop> = report.endpoints[0].hops.iter().map(|hop| hop.hop).collect();
    assert_eq!(hops, [Hop::Dns, Hop::Tcp, Hop::Tls, Hop::Http]);
    assert!(report.clock_ahead_seconds > Some(900_000_000), "that server's clock is decades behind");
    let back: ConnectivityReport = serde_json::from_value(serde_json::to_value(&report).unwrap()).unwrap();
    assert_eq!(back, report);
}

#[tokio::test]
async fn wrong_certificates_are_named_with_what_is_wrong_with_them() {
    let (server, other) =
        (TlsServer::start(&["127.0.0.1"], WELL).await, TlsServer::start(&["x.example"], WELL).await);
    let url = |server: &TlsServer| format!("https://127.0.0.1:{}", server.port);
    let (hop, _, fix) = failure(&way(&url(&server), None, &other.ca).await);
    assert_eq!(hop, Hop::Tls);
    assert!(fix.contains("authority") && fix.contains("inspection"), "{fix}");
    let (hop, _, fix) = failure(&way(&url(&other), None, &other.ca).await);
    assert_eq!(hop, Hop::Tls);
    assert!(fix.contains("--public-name 127.0.0.1"), "{fix}");
}

#[tokio::test]
async fn what_does_not_listen_or_does_not_resolve_or_does_not_answer_is_told_apart() {
    let server = TlsServer::start(&["127.0.0.1"], "HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
    let ca = &server.ca;
    // Bound and not listening: nobody else gets the port meanwhile.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = closed.local_addr().unwrap();
    let (hop, _, fix) = failure(&way(&format!("https://{address}"), None, ca).await);
    assert_eq!(hop, Hop::Tcp);
    assert!(fix.contains("nothing listens"), "{fix}");

    // A label this long is no name at all, so no name server is asked about it.
    let name = "x".repeat(70);
    let (hop, detail, fix) = failure(&way(&format!("https://{name}:9443"), None, ca).await);
    assert_eq!(hop, Hop::Dns);
    assert!(detail.contains(&name) && fix.contains("resolv.conf"), "{detail}; {fix}");

    let (hop, detail, _) = failure(&way(&format!("https://127.0.0.1:{}", server.port), None, ca).await);
    assert_eq!((hop, detail.as_str()), (Hop::Http, "503 Service Unavailable"));

    let plain = serve(|mut stream| async move {
        drop(stream.write_all(b"220 mail.example ESMTP\r\n").await);
    })
    .await;
    let (hop, _, fix) = failure(&way(&format!("https://127.0.0.1:{plain}"), None, ca).await);
    assert_eq!(hop, Hop::Tls);
    assert!(fix.contains("does not speak TLS"), "{fix}");

    let silent = serve(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let limits = Limits { tls: Duration::from_millis(300), ..Limits::default() };
    let url = format!("https://127.0.0.1:{silent}");
    let report = look(&url, None, &Trust::Ca(ca.to_owned()), limits, &SystemClock).await.unwrap();
    let (hop, detail, fix) = failure(&report);
    assert_eq!(hop, Hop::Tls);
    assert!(detail.contains("0.3 s") && fix.contains("firewalls"), "{detail}; {fix}");
}

#[tokio::test]
async fn a_proxy_is_a_hop_of_its_own() {
    let server = TlsServer::start(&["127.0.0.1"], WELL).await;
    let url = format!("https://127.0.0.1:{}", server.port);
    let by = |port: u16, user: &str| format!("http://{user}127.0.0.1:{port}");
    let good = way(&url, Some(&by(proxy(None).await, "user:pass@")), &server.ca).await;
    assert_eq!(good.failure(), None, "{good:?}");
    let hops: Vec<Hop> = good.endpoints[0].hops.iter().map(|hop| hop.hop).collect();
    assert_eq!(hops, [Hop::Dns, Hop::Tcp, Hop::Proxy, Hop::Tls, Hop::Http]);
    assert!(!serde_json::to_string(&good).unwrap().contains("pass@"), "no credentials in reports");
    for (refusal, word) in [
        (None, "user and password"),
        (Some("HTTP/1.1 403 Forbidden\r\n\r\n"), "allow CONNECT"),
        (Some("HTTP/1.1 502 Bad gateway\r\n\r\n"), "proxy itself"),
        (Some("SSH-2.0-x\r\n\r\n"), "an HTTP proxy?"),
    ] {
        let (hop, _, fix) = failure(&way(&url, Some(&by(proxy(refusal).await, "")), &server.ca).await);
        assert_eq!(hop, Hop::Proxy);
        assert!(fix.contains(word), "{refusal:?}: {fix}");
    }
}

/// Runs `bartizan-agent check` after `setup` in namespaces of its own; `None` where that is not permitted.
fn check_in(namespaces: &str, setup: &str, server: &str) -> Option<(bool, Value)> {
    let setup = format!("set -e; {setup}");
    let permitted = Command::new("unshare").args([namespaces, "sh", "-c", &setup]).output();
    if !permitted.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!(
            "not run: this machine does not permit `unshare {namespaces}`, or not what follows: {permitted:?}"
        );
        return None;
    }
    let state = tempfile::tempdir().unwrap();
    let script = format!(
        "{setup}\nexec {} check --state {} --server {server} --ca-fingerprint {} --timeout 1 --json",
        env!("CARGO_BIN_EXE_bartizan-agent"),
        state.path().display(),
        "00".repeat(32),
    );
    let output = Command::new("unshare").args([namespaces, "sh", "-c", &script]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    Some((output.status.success(), report))
}

#[test]
fn dropped_packets_and_missing_routes_are_told_apart_on_a_network_of_its_own() {
    // Packets to a neighbour that is only a line in a table go nowhere, as with a firewall that drops them.
    let network = "ip link set lo up; ip link add d0 type veth peer name d1; ip addr add 192.0.2.1/24 dev d0; \
        ip link set d0 up; ip link set d1 up; ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev d0; \
        ip route add unreachable 198.51.100.0/25; ip route add prohibit 198.51.100.128/25";
    for (address, word) in [
        ("192.0.2.2", "drops the packets"),
        ("198.51.100.1", "no route"),
        ("198.51.100.200", "own firewall"),
        ("203.0.113.1", "no route"),
    ] {
        let Some((success, report)) = check_in("-n", network, &format!("https://{address}:9443")) else {
            return;
        };
        assert!(!success, "{report}");
        let hop = &report["connectivity"]["endpoints"][0]["hops"][1];
        assert_eq!((&hop["hop"], &hop["outcome"]), (&"tcp".into(), &"failed".into()), "{report}");
        assert!(hop["fix"].as_str().unwrap().contains(word), "{address}: {hop}");
    }
}

#[test]
fn an_unsupported_system_fails_the_check_with_its_alternative() {
    let folder = tempfile::tempdir().unwrap();
    let release = folder.path().join("os-release");
    std::fs::write(&release, "ID=alpine\nVERSION_ID=3.20.1\nPRETTY_NAME=\"Alpine Linux v3.20\"\n").unwrap();
    let real = ["/etc/os-release", "/usr/lib/os-release"].into_iter().find(|path| Path::new(path).exists());
    let Some(real) = real else {
        eprintln!("not run: this machine has no os-release to stand in for");
        return;
    };
    let setup = format!("ip link set lo up; mount --bind {} {real}", release.display());
    let Some((success, report)) = check_in("-nm", &setup, "https://127.0.0.1:1") else { return };
    assert!(!success);
    let first = &report["prerequisites"][0];
    assert_eq!((&first["name"], &first["outcome"]), (&"systemSupported".into(), &"failed".into()));
    assert!(first["evidence"].as_str().unwrap().contains("musl"), "{first}");
    assert!(first["fix"].as_str().unwrap().contains("syslog"), "{first}");
}
