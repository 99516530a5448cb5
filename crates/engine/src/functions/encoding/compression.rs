//! Text deflated and written in base64, and back.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder, ZlibDecoder, ZlibEncoder};

use super::super::convert::text;
use super::super::kernel::{Entry, strict};
use super::decode;
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("zlib_compress_to_base64_string", |args, _| {
        compress(ZlibEncoder::new(text(args[0].clone()).as_bytes(), Compression::default()))
    }),
    strict("gzip_compress_to_base64_string", |args, _| {
        compress(GzEncoder::new(text(args[0].clone()).as_bytes(), Compression::default()))
    }),
    strict("zlib_decompress_from_base64_string", |args, _| match decode(&args[0]) {
        Some(bytes) => decompress(ZlibDecoder::new(bytes.as_slice())),
        None => Value::Null,
    }),
    strict("gzip_decompress_from_base64_string", |args, _| match decode(&args[0]) {
        Some(bytes) => decompress(GzDecoder::new(bytes.as_slice())),
        None => Value::Null,
    }),
];

/// Bytes that one text may inflate to: a thousand times what fits a cell of the logs would be a bomb.
const INFLATED_BYTES_MAX: u64 = 32 << 20;

fn compress<'a>(mut encoder: impl Read) -> Value<'a> {
    let mut deflated = Vec::new();
    match encoder.read_to_end(&mut deflated) {
        Ok(_) => Value::string(STANDARD.encode(deflated)),
        Err(_) => Value::Null,
    }
}

/// Null for what is damaged, no text, or too large.
fn decompress<'a>(decoder: impl Read) -> Value<'a> {
    let mut inflated = Vec::new();
    let read = decoder.take(INFLATED_BYTES_MAX + 1).read_to_end(&mut inflated);
    if read.is_err() || inflated.len() as u64 > INFLATED_BYTES_MAX {
        return Value::Null;
    }
    String::from_utf8(inflated).map_or(Value::Null, Value::string)
}
