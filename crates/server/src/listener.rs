//! The HTTPS listener: bounded connections, patient but not endlessly so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bartizan_base::counters;
use bartizan_control::access::PeerAddress;
use bartizan_control::pki::PeerCertificate;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::accept::{Addresses, next};

/// Connections at one time: ten thousand agents with one long poll each, and people.
const CONNECTIONS_MAX: usize = 16_384;
/// Connections of one address at one time: a site of many machines may share one, but nobody gets all places.
const CONNECTIONS_PER_ADDRESS_MAX: usize = CONNECTIONS_MAX / 4;
/// A handshake takes milliseconds; a client that needs longer holds a place for nothing.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// All headers of a request must be there by then.
const HEADERS_TIME: Duration = Duration::from_secs(20);
/// Size of a request's headers.
const HEADERS_MAX: usize = 64 << 10;
const HEADERS_COUNT_MAX: usize = 128;
/// Requests at one time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// A connection whose peer does not answer a ping is closed.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIME: Duration = Duration::from_secs(20);
/// Requests in flight get this long when the server stops.
const GOODBYE_TIME: Duration = Duration::from_secs(10);
/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
const PLAIN_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS. Use an address that starts with https://\n";

/// Serves until `stop` is cancelled, then lets requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    router: Router,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(config);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let addresses = Addresses::default();
    let connections = TaskTracker::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place.expect("the semaphore is never closed"),
            () = stop.cancelled() => break,
        };
        let Some((stream, peer)) = next(&listener, &stop).await else { break };
        let Some(seat) = addresses.take(peer.ip(), CONNECTIONS_PER_ADDRESS_MAX) else {
            counters::count("bartizan_server_connections_refused_total", "too many from one address", 1);
            continue;
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, peer, &acceptor, router, stop).await;
            drop((place, seat));
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GOODBYE_TIME, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "closing connections that did not finish in time");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: &TlsAcceptor,
    router: Router,
    stop: CancellationToken,
) {
    let Ok(handshake) = tokio::time::timeout(HANDSHAKE_TIME, handshake(stream, acceptor)).await else {
        counters::count("bartizan_server_connections_refused_total", "slow handshake", 1);
        return;
    };
    let stream = match handshake {
        Ok(Some(stream)) => stream,
        Ok(None) => {
            counters::count("bartizan_server_connections_refused_total", "not tls", 1);
            return;
        }
        Err(error) => {
            // Scanners do this all day; an agent with an ended certificate does it too.
            counters::count("bartizan_server_connections_refused_total", "handshake", 1);
            tracing::debug!(%peer, %error, "TLS handshake failed");
            return;
        }
    };
    let certificate = peer_certificate(&stream);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(peer));
        if let Some(certificate) = certificate.clone() {
            request.extensions_mut().insert(certificate);
        }
        router.clone().oneshot(request)
    });
    let builder = builder();
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// `None` when the client spoke plain HTTP and was told so.
async fn handshake(
    mut stream: TcpStream,
    acceptor: &TlsAcceptor,
) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        if first[0].is_ascii_uppercase() {
            stream.write_all(PLAIN_ANSWER).await?;
            stream.shutdown().await?;
        }
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

fn peer_certificate(stream: &TlsStream<TcpStream>) -> Option<PeerCertificate> {
    let der = stream.get_ref().1.peer_certificates()?.first()?;
    PeerCertificate::from_der(der)
        .inspect_err(|error| tracing::warn!(%error, "a client certificate of ours names no machine"))
        .ok()
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME)
        .max_headers(HEADERS_COUNT_MAX)
        .max_buf_size(HEADERS_MAX)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_MAX as u32)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIME);
    builder
}
