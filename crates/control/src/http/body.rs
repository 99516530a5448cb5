//! Request bodies: bounded on the wire and again after decompression.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use axum::body::Body;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::http::Failure;

/// What is read and thrown away of a body that is too large, so that the sender, still sending, gets to read
/// the answer instead of a broken connection.
const DRAIN_MAX: usize = 256 << 20;
/// Longest time spent on that.
const DRAIN_TIME: Duration = Duration::from_secs(15);
/// A sender that is slower than one body in this time is given up.
const READ_TIME: Duration = Duration::from_secs(60);
/// The code of a request whose sender went away before its end.
pub(crate) const INCOMPLETE_BODY: &str = "IncompleteBody";
const BROKE: &str = "The connection broke while the body was read.";
/// How many bytes of a text that is not JSON are shown.
const SHOWN: usize = 60;

/// What all bodies that are being read may hold together. What is read counts elsewhere: rows in the store's buffer.
static UNDER_WAY: Budget = Budget { held: AtomicUsize::new(0), max: 256 << 20 };
/// This much of each body does not count, so that large uploads never keep small requests out.
const UNCOUNTED: usize = 64 << 10;
/// How much is decompressed at a time.
const PIECE: usize = 64 << 10;

/// Memory that many share.
#[derive(Debug)]
struct Budget {
    held: AtomicUsize,
    max: usize,
}

/// What one body holds of a budget, until it is dropped.
#[derive(Debug)]
struct Share<'a> {
    of: &'a Budget,
    bytes: usize,
}

impl Share<'_> {
    /// Makes room for a body that has `bytes` bytes now.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Failure> {
        let more = bytes.saturating_sub(UNCOUNTED).saturating_sub(self.bytes);
        if self.of.held.fetch_add(more, Ordering::AcqRel) + more > self.of.max {
            self.of.held.fetch_sub(more, Ordering::AcqRel);
            return Err(Failure(ApiError::new(
                ErrorKind::TooMany,
                format!(
                    "Uploads under way hold {} MiB already, which is all they may; send this one again in a moment.",
                    self.of.max >> 20
                ),
            )));
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.of.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Reads a body of at most `limit` bytes, before and after decompression.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    read_within(&UNDER_WAY, headers, body, limit).await
}

async fn read_within(
    budget: &Budget,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Failure> {
    let mut share = Share { of: budget, bytes: 0 };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
    let encoding = encoding.unwrap_or("identity").to_ascii_lowercase();
    let raw = tokio::time::timeout(READ_TIME, collect(headers, body, limit, &mut share))
        .await
        .map_err(|_| Failure(ApiError::new(ErrorKind::Timeout, "The body did not arrive in time.")))??;
    match encoding.as_str() {
        "" | "identity" => Ok(raw),
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(&raw[..]);
            decoder.multiple_members(true);
            decode(decoder, limit, raw.len(), &mut share).await
        }
        "zstd" => {
            let mut decoder = ZstdDecoder::new(&raw[..]);
            decoder.multiple_members(true);
            decode(decoder, limit, raw.len(), &mut share).await
        }
        other => {
            let shown: String = other.chars().take(SHOWN).collect();
            Err(Failure(ApiError::unsupported_media(format!(
                "Content-Encoding `{shown}` is not supported; gzip and zstd are."
            ))))
        }
    }
}

/// Reads a JSON body into `T`.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Failure> {
    let bytes = read_body(headers, body, limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let code = if error.is_data() { "InvalidRequestContent" } else { "InvalidJson" };
        Failure(ApiError::coded(
            ErrorKind::Invalid,
            code,
            format!("The request body is not what is expected here: {error}."),
        ))
    })
}

async fn collect(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    share: &mut Share<'_>,
) -> Result<Bytes, Failure> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut stream = body.into_data_stream();
    let mut out = BytesMut::with_capacity(announced.map_or(0, |length| (length as usize).min(limit)));
    let mut refused = announced.is_some_and(|length| length > limit as u64).then(|| larger(limit));
    while refused.is_none()
        && let Some(part) = stream.next().await
    {
        let part = part.map_err(|_| Failure(ApiError::coded(ErrorKind::Invalid, INCOMPLETE_BODY, BROKE)))?;
        let size = out.len() + part.len();
        refused = if size > limit { Some(larger(limit)) } else { share.grow_to(size).err() };
        if refused.is_none() {
            out.extend_from_slice(&part);
        }
    }
    if let Some(refused) = refused {
        drop(out);
        let drain = async {
            let mut seen = 0;
            while let Some(Ok(part)) = stream.next().await {
                seen += part.len();
                if seen > DRAIN_MAX {
                    break;
                }
            }
        };
        // Whether it ended or ran out of time, the answer is the same.
        drop(tokio::time::timeout(DRAIN_TIME, drain).await);
        return Err(refused);
    }
    Ok(out.freeze())
}

/// What a decoder gives, for a body that came as `packed` bytes.
async fn decode(
    decoder: impl AsyncRead + Unpin,
    limit: usize,
    packed: usize,
    share: &mut Share<'_>,
) -> Result<Bytes, Failure> {
    let mut decoder = decoder.take(limit as u64 + 1);
    let mut out = BytesMut::new();
    loop {
        out.reserve(PIECE);
        match decoder.read_buf(&mut out).await {
            Ok(0) => return Ok(out.freeze()),
            Ok(_) if out.len() > limit => return Err(larger(limit)),
            Ok(_) => share.grow_to(packed + out.len())?,
            Err(error) => return Err(malformed(&error)),
        }
    }
}

fn malformed(error: &io::Error) -> Failure {
    Failure(ApiError::coded(
        ErrorKind::Invalid,
        "InvalidContentEncoding",
        format!("The body cannot be decompressed as its Content-Encoding says: {error}."),
    ))
}

fn larger(limit: usize) -> Failure {
    Failure(ApiError::new(
        ErrorKind::TooLarge,
        format!("The body is larger than {limit} bytes, before or after decompression; send it in parts."),
    ))
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::write::GzipEncoder;
    use http::HeaderValue;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn budget(max: usize) -> Budget {
        Budget { held: AtomicUsize::new(0), max }
    }

    fn held(budget: &Budget) -> usize {
        budget.held.load(Ordering::Acquire)
    }

    async fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }

    #[tokio::test]
    async fn bodies_under_way_share_what_there_is() {
        let budget = budget(300_000);
        let none = HeaderMap::new();
        let body = |len: usize| Body::from(vec![b'x'; len]);
        let others = {
            let mut others = Share { of: &budget, bytes: 0 };
            others.grow_to(UNCOUNTED + 250_000).unwrap();
            others
        };
        let small = read_within(&budget, &none, body(UNCOUNTED), LIMIT).await;
        assert_eq!(small.unwrap().len(), UNCOUNTED, "small requests are never refused");
        let refused = read_within(&budget, &none, body(UNCOUNTED + 50_001), LIMIT).await.unwrap_err();
        assert_eq!(refused.0.kind, ErrorKind::TooMany);
        assert_eq!(held(&budget), 250_000, "who is refused holds nothing");
        drop(others);
        let large = read_within(&budget, &none, body(UNCOUNTED + 300_000), LIMIT).await;
        assert_eq!((large.unwrap().len(), held(&budget)), (UNCOUNTED + 300_000, 0));
    }

    #[tokio::test]
    async fn what_is_decompressed_counts_as_well() {
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let budget = budget(300_000);
        for (len, kind) in
            [(300_000, None), (500_000, Some(ErrorKind::TooMany)), (LIMIT + 1, Some(ErrorKind::TooMany))]
        {
            let packed = gzip(&vec![b'x'; len]).await;
            let read = read_within(&budget, &headers, Body::from(packed), LIMIT).await;
            assert_eq!(read.as_ref().err().map(|error| error.0.kind), kind, "{len}");
            assert_eq!(held(&budget), 0);
        }
        let packed = gzip(&vec![b'x'; LIMIT + 1]).await;
        let read = read_body(&headers, Body::from(packed), LIMIT).await;
        assert_eq!(read.unwrap_err().0.kind, ErrorKind::TooLarge);
    }
}
