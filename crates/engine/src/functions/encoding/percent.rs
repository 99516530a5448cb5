//! Percent signs, as addresses on the web are encoded.

use super::super::convert::text;
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("url_encode", |args, _| Value::string(percent_encode(&text(args[0].clone()), true))),
    strict("url_encode_component", |args, _| Value::string(percent_encode(&text(args[0].clone()), false))),
    strict("url_decode", |args, _| Value::string(percent_decode(&text(args[0].clone())))),
];

/// `url_encode` writes a space as `+`; `url_encode_component` as `%20`.
fn percent_encode(text: &str, plus: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            b'!' | b'*' | b'(' | b')' if plus => out.push(char::from(byte)),
            b'~' if !plus => out.push('~'),
            b' ' if plus => out.push('+'),
            byte => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
