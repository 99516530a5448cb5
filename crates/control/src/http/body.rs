//! Request bodies: bounded on the wire and again after decompression.

use std::io;
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

/// Reads a body of at most `limit` bytes, before and after decompression.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
    let encoding = encoding.unwrap_or("identity").to_ascii_lowercase();
    let raw = tokio::time::timeout(READ_TIME, collect(headers, body, limit))
        .await
        .map_err(|_| Failure(ApiError::new(ErrorKind::Timeout, "The body did not arrive in time.")))??;
    match encoding.as_str() {
        "" | "identity" => Ok(raw),
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(&raw[..]);
            decoder.multiple_members(true);
            decode(decoder, limit).await
        }
        "zstd" => {
            let mut decoder = ZstdDecoder::new(&raw[..]);
            decoder.multiple_members(true);
            decode(decoder, limit).await
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

async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut stream = body.into_data_stream();
    let mut out = BytesMut::with_capacity(announced.map_or(0, |length| (length as usize).min(limit)));
    let mut too_large = announced.is_some_and(|length| length > limit as u64);
    while !too_large && let Some(part) = stream.next().await {
        let part = part.map_err(|_| Failure(ApiError::coded(ErrorKind::Invalid, INCOMPLETE_BODY, BROKE)))?;
        too_large = out.len() + part.len() > limit;
        if !too_large {
            out.extend_from_slice(&part);
        }
    }
    if too_large {
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
        return Err(larger(limit));
    }
    Ok(out.freeze())
}

async fn decode(decoder: impl AsyncRead + Unpin, limit: usize) -> Result<Bytes, Failure> {
    let mut out = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut out).await;
    match read {
        Ok(size) if size > limit => Err(larger(limit)),
        Ok(_) => Ok(out.into()),
        Err(error) => Err(malformed(&error)),
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
