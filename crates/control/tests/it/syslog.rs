//! The syslog listeners: every transport, what they refuse, and a real rsyslog.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bartizan_base::SystemClock;
use bartizan_testkit::bartizan_server::SyslogOptions;
use bartizan_testkit::in_process::InProcess;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::{eventually, owner, rows, tls};

async fn server(client_ca: Option<PathBuf>) -> InProcess {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = SyslogOptions { udp: vec![any], tcp: vec![any], tls: vec![any], client_ca };
    InProcess::start_with(Arc::new(SystemClock), |serve| serve.syslog = options).await.unwrap()
}

#[tokio::test]
async fn messages_of_every_transport_become_rows() {
    let s = server(None).await;
    let caller = owner(&s).await;
    let at = s.server.ready.syslog.clone();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    udp.send_to(b"<34>1 2026-01-02T03:04:05Z udp-host su 7 - - one", at.udp[0]).await.unwrap();
    let mut tcp = TcpStream::connect(at.tcp[0]).await.unwrap();
    let counted = "<35>1 2026-01-02T03:04:05Z tcp-host su 8 - - two\nlines";
    tcp.write_all(
        format!("<36>1 2026-01-02T03:04:05Z tcp-host su 9 - - three\n{} {counted}", counted.len()).as_bytes(),
    )
    .await
    .unwrap();
    tcp.write_all(
        b"<134>Jan  2 03:04:05 fw CEF:0|Acme|Wall|1|7|deny|5|src=192.0.2.1 spt=22\nno priority at all\n",
    )
    .await
    .unwrap();
    tcp.shutdown().await.unwrap();
    let mut secure = tls(&s, s.server.ready.syslog.tls[0], None).await.unwrap();
    secure.write_all(b"<37>1 2026-01-02T03:04:05Z tls-host su 10 - - four\n").await.unwrap();
    secure.shutdown().await.unwrap();
    eventually("all messages", || async {
        rows(
            &s,
            &caller,
            "Syslog | project Computer, SeverityLevel, SyslogMessage | sort by SyslogMessage asc",
        )
        .await
            == json!([
                ["tls-host", "notice", "four"],
                ["127.0.0.1", "notice", "no priority at all"],
                ["udp-host", "crit", "one"],
                ["tcp-host", "warning", "three"],
                ["tcp-host", "err", "two\nlines"],
            ])
    })
    .await;
    let cef =
        rows(&s, &caller, "CommonSecurityLog | project Computer, DeviceVendor, SourceIP, SourcePort").await;
    assert_eq!(cef, json!([["fw", "Acme", "192.0.2.1", 22]]));
    eventually("the malformed one in Operation", || async {
        let query = "Operation | where OperationKey startswith 'syslog sender 127.0.0.1' | project Detail";
        rows(&s, &caller, query).await.to_string().contains("1 messages that are no syslog")
    })
    .await;
}

#[tokio::test]
async fn a_broken_stream_is_closed_and_the_next_one_works() {
    let s = server(None).await;
    let caller = owner(&s).await;
    let at = s.server.ready.syslog.tcp[0];
    let mut broken = TcpStream::connect(at).await.unwrap();
    broken.write_all(b"99999999 <13>too long to be true").await.unwrap();
    assert_eq!(broken.read(&mut [0; 8]).await.unwrap_or(0), 0, "the server closes it");
    let mut good = TcpStream::connect(at).await.unwrap();
    good.write_all(b"<13>1 - h a - - - fine").await.unwrap();
    good.shutdown().await.unwrap();
    eventually("the good one", || async {
        rows(&s, &caller, "Syslog | project SyslogMessage").await == json!([["fine"]])
    })
    .await;
}

#[tokio::test]
async fn what_was_read_is_stored_before_the_server_stops() {
    let s = server(None).await;
    let mut tcp = TcpStream::connect(s.server.ready.syslog.tcp[0]).await.unwrap();
    for n in 0..5_000 {
        tcp.write_all(format!("<13>1 - h a - - - number {n}\n").as_bytes()).await.unwrap();
    }
    tcp.shutdown().await.unwrap();
    let InProcess { server, dir } = s;
    server.stop().await;
    let listen = "127.0.0.1:0".parse().unwrap();
    let options = bartizan_testkit::bartizan_server::ServeOptions {
        store: |store| store.reserve_bytes = 0,
        ..bartizan_testkit::bartizan_server::ServeOptions::new(dir.path().join("data"), listen)
    };
    let s =
        InProcess { server: bartizan_testkit::bartizan_server::Server::start(options).await.unwrap(), dir };
    let caller = owner(&s).await;
    let query = "Syslog | summarize n = count() by SyslogMessage | summarize count(), max(n)";
    assert_eq!(rows(&s, &caller, query).await, json!([[5000, 1]]));
}

#[tokio::test]
async fn senders_can_be_asked_for_a_certificate() {
    let authority = rcgen_authority();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("senders.pem");
    std::fs::write(&ca, &authority.0).unwrap();
    let s = server(Some(ca)).await;
    let caller = owner(&s).await;
    let refused = async {
        let mut stream = tls(&s, s.server.ready.syslog.tls[0], None).await?;
        stream.write_all(b"<13>1 - h a - - - unknown\n").await?;
        // In TLS 1.3 the refusal comes after the client's own handshake is done.
        stream.read(&mut [0; 8]).await
    };
    assert!(!refused.await.is_ok_and(|length| length > 0));
    let mut stream = tls(&s, s.server.ready.syslog.tls[0], Some((&authority.1, &authority.2))).await.unwrap();
    stream.write_all(b"<13>1 - h a - - - known\n").await.unwrap();
    stream.shutdown().await.unwrap();
    eventually("the known sender's message", || async {
        rows(&s, &caller, "Syslog | project SyslogMessage").await == json!([["known"]])
    })
    .await;
}

/// An authority, and a certificate and key under it, all PEM.
fn rcgen_authority() -> (String, String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = parameters.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(parameters, key);
    let own_key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["sender".to_owned()])
        .unwrap()
        .signed_by(&own_key, &issuer)
        .unwrap();
    (ca, own.pem(), own_key.serialize_pem())
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn rsyslog_forwards_over_tls() {
    let Some(rsyslogd) =
        ["/usr/sbin/rsyslogd", "/sbin/rsyslogd"].iter().find(|path| Path::new(path).exists())
    else {
        println!("skipped: rsyslogd is not installed (`apt-get install rsyslog rsyslog-gnutls` adds it)");
        return;
    };
    let modules =
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib64/rsyslog"];
    if !modules.iter().any(|dir| Path::new(dir).join("lmnsd_gtls.so").exists()) {
        println!("skipped: rsyslog has no TLS (`apt-get install rsyslog-gnutls` adds it)");
        return;
    }
    let s = server(None).await;
    let caller = owner(&s).await;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let port = s.server.ready.syslog.tls[0].port();
    // Its input is a pipe of our own: /dev/log may have another owner on this machine.
    let config = format!(
        r#"
        global(workDirectory="{work}" defaultNetstreamDriverCAFile="{ca}")
        module(load="imuxsock" SysSock.Use="off")
        input(type="imuxsock" Socket="{socket}" CreatePath="on")
        action(type="omfwd" target="localhost" port="{port}" protocol="tcp" TCP_Framing="octet-counted"
               template="RSYSLOG_SyslogProtocol23Format"
               StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
               StreamDriverPermittedPeers="localhost")
        "#,
        work = dir.path().display(),
        ca = s.server.ready.ca.display(),
        socket = path("log").display(),
    );
    std::fs::write(path("rsyslog.conf"), config).unwrap();
    let child = Command::new(rsyslogd)
        .arg("-n")
        .arg("-f")
        .arg(path("rsyslog.conf"))
        .arg("-i")
        .arg(path("pid"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
    let log = path("log");
    eventually("rsyslog's socket", || async { log.exists() }).await;
    for n in 0..50 {
        let message = format!("<86>Jan  2 03:04:05 doors[{n}]: through rsyslog {n}");
        socket.send_to(message.as_bytes(), path("log")).unwrap();
    }
    eventually("fifty messages through rsyslog", || async {
        let query =
            "Syslog | where ProcessName == 'doors' | summarize count(), dcount(SyslogMessage), take_any(Facility)";
        rows(&s, &caller, query).await == json!([[50, 50, "authpriv"]])
    })
    .await;
}
