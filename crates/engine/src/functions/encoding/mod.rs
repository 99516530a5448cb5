//! Encodings of text: base64, compression, punycode, percent signs.

pub(crate) mod compression;
pub(crate) mod percent;
pub(crate) mod punycode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Tree;

use super::convert::{convert, text};
use super::dynamic::{elements, from_tree};
use super::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("base64_encode_tostring", |args, _| {
        Value::string(STANDARD.encode(text(args[0].clone()).as_bytes()))
    }),
    strict("base64_decode_tostring", |args, _| {
        match decode(&args[0]).and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(text) => Value::string(text),
            None => Value::Null,
        }
    }),
    strict("base64_decode_toarray", |args, _| match decode(&args[0]) {
        Some(bytes) => from_tree(&Tree::Array(bytes.into_iter().map(Tree::from).collect())),
        None => Value::Null,
    }),
    strict("base64_encode_fromarray", |args, _| {
        let Value::Dynamic(json) = &args[0] else { return Value::Null };
        let bytes: Option<Vec<u8>> = elements(json).and_then(|all| {
            all.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
        });
        bytes.map_or(Value::Null, |bytes| Value::string(STANDARD.encode(bytes)))
    }),
    strict("base64_encode_fromguid", |args, _| {
        let guid = convert(args[0].clone(), bartizan_schema::KqlType::Guid);
        let guid = uuid::Uuid::parse_str(&text(guid)).ok();
        guid.map_or(Value::Null, |guid| Value::string(STANDARD.encode(guid.to_bytes_le())))
    }),
    strict("base64_decode_toguid", |args, _| {
        let bytes = decode(&args[0]).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        bytes.map_or(Value::Null, |bytes| Value::Guid(uuid::Uuid::from_bytes_le(bytes).to_string().into()))
    }),
];

/// The bytes of base64 text; without its padding it is none.
fn decode(value: &Value<'_>) -> Option<Vec<u8>> {
    STANDARD.decode(text(value.clone()).trim()).ok()
}
