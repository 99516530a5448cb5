//! Texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Call, Function, pure};
use crate::expression::{ARRAY_MAX, ExpressionError, TEXT_MAX};
use crate::value::text_of;

/// The namespace that Azure gives the names of `guid()`.
const GUIDS: Uuid = Uuid::from_u128(0x11fb06fb_712d_4ddd_98c7_e71bbd588830);

pub(super) const FUNCTIONS: &[Function] = &[
    pure("base64", 1, 1, |call| Ok(STANDARD.encode(call.text(0)?).into())),
    pure("base64ToJson", 1, 1, |call| {
        let text = decode(call, call.text(0)?)?;
        json(call, &text)
    }),
    pure("base64ToString", 1, 1, |call| Ok(decode(call, call.text(0)?)?.into())),
    pure("concat", 0, usize::MAX, concat),
    pure("dataUri", 1, 1, |call| {
        Ok(format!("data:text/plain;charset=utf8;base64,{}", STANDARD.encode(call.text(0)?)).into())
    }),
    pure("dataUriToString", 1, 1, |call| {
        let (head, data) = call.text(0)?.split_once(',').ok_or_else(|| call.must(0, "a data URI"))?;
        if head.ends_with(";base64") {
            Ok(decode(call, data)?.into())
        } else {
            Ok(unescape(call, data)?.into())
        }
    }),
    pure("endsWith", 2, 2, |call| {
        Ok(call.text(0)?.to_lowercase().ends_with(&call.text(1)?.to_lowercase()).into())
    }),
    pure("format", 1, usize::MAX, format),
    pure("guid", 1, usize::MAX, |call| {
        Ok(Uuid::new_v5(&GUIDS, call.texts()?.join("-").as_bytes()).to_string().into())
    }),
    pure("indexOf", 2, 2, |call| match call.any(0) {
        Value::Array(items) => Ok(place(items.iter().position(|item| item == call.any(1)))),
        _ => {
            let (text, part) = (call.text(0)?.to_lowercase(), call.text(1)?.to_lowercase());
            Ok(place(text.find(&part).map(|at| text[..at].chars().count())))
        }
    }),
    pure("join", 2, 2, |call| {
        let parts: Vec<_> = call.array(0)?.iter().map(text_of).collect();
        Ok(parts.join(call.text(1)?).into())
    }),
    pure("json", 1, 1, |call| json(call, call.text(0)?)),
    pure("lastIndexOf", 2, 2, |call| match call.any(0) {
        Value::Array(items) => Ok(place(items.iter().rposition(|item| item == call.any(1)))),
        _ => {
            let (text, part) = (call.text(0)?.to_lowercase(), call.text(1)?.to_lowercase());
            Ok(place(text.rfind(&part).map(|at| text[..at].chars().count())))
        }
    }),
    pure("padLeft", 2, 3, |call| {
        let text = text_of(call.any(0));
        let missing = call.size(1)?.saturating_sub(text.chars().count());
        let with = call.given(2).map_or(Ok(" "), |_| call.text(2))?;
        if with.chars().count() != 1 || missing > TEXT_MAX {
            return Err(
                call.must(if missing > TEXT_MAX { 1 } else { 2 }, "one character, or a shorter length")
            );
        }
        Ok(format!("{}{text}", with.repeat(missing)).into())
    }),
    pure("replace", 3, 3, |call| {
        let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
        if old.is_empty() {
            return Err(call.bad("the text to replace is empty"));
        }
        if text.matches(old).count().saturating_mul(new.len()) > TEXT_MAX {
            return Err(ExpressionError::TooLarge(call.function));
        }
        Ok(text.replace(old, new).into())
    }),
    pure("split", 2, 2, |call| Ok(Value::Array(split(call)?))),
    pure("startsWith", 2, 2, |call| {
        Ok(call.text(0)?.to_lowercase().starts_with(&call.text(1)?.to_lowercase()).into())
    }),
    pure("string", 1, 1, |call| Ok(string(call.any(0)).into())),
    pure("substring", 2, 3, |call| {
        let text: Vec<char> = call.text(0)?.chars().collect();
        let start = call.size(1)?;
        let length = call.given(2).map_or(Ok(text.len().saturating_sub(start)), |_| call.size(2))?;
        let part = start.checked_add(length).and_then(|end| text.get(start..end));
        let part =
            part.ok_or_else(|| call.bad(format!("{start} + {length} is past the end ({})", text.len())))?;
        Ok(part.iter().collect::<String>().into())
    }),
    pure("toLower", 1, 1, |call| Ok(call.text(0)?.to_lowercase().into())),
    pure("toUpper", 1, 1, |call| Ok(call.text(0)?.to_uppercase().into())),
    pure("trim", 1, 1, |call| Ok(call.text(0)?.trim().into())),
    pure("uniqueString", 1, usize::MAX, |call| Ok(unique(&call.texts()?.join("-")).into())),
    pure("uri", 2, 2, |call| {
        let (base, path) = (call.text(0)?, call.text(1)?);
        let base = match base.rfind('/') {
            // What comes after the last slash is replaced, as in a link.
            Some(at) if at > base.find("://").map_or(0, |scheme| scheme + 2) => &base[..=at],
            _ => base,
        };
        Ok(format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/')).into())
    }),
    pure("uriComponent", 1, 1, |call| Ok(escape(call.text(0)?).into())),
    pure("uriComponentToString", 1, 1, |call| Ok(unescape(call, call.text(0)?)?.into())),
];

fn place(at: Option<usize>) -> Value {
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1).into()
}

fn decode(call: &Call<'_>, text: &str) -> Result<String, ExpressionError> {
    let bytes = STANDARD.decode(text).map_err(|_| call.bad("the text is not base64"))?;
    String::from_utf8(bytes).map_err(|_| call.bad("what the base64 holds is not UTF-8"))
}

fn json(call: &Call<'_>, text: &str) -> Result<Value, ExpressionError> {
    // serde_json bounds the depth itself.
    serde_json::from_str(text).map_err(|error| call.bad(format!("the text is not JSON: {error}")))
}

fn concat(call: &Call<'_>) -> Result<Value, ExpressionError> {
    if call.arguments.first().is_some_and(Value::is_array) {
        let mut out = Vec::new();
        for at in 0..call.arguments.len() {
            let items = call.array(at)?;
            if out.len() + items.len() > ARRAY_MAX {
                return Err(ExpressionError::TooLarge(call.function));
            }
            out.extend(items.iter().cloned());
        }
        return Ok(Value::Array(out));
    }
    if let Some(at) = call.arguments.iter().position(|value| value.is_array() || value.is_object()) {
        return Err(call.wrong(at, "a text, a number or a boolean"));
    }
    Ok(call.arguments.iter().map(string).collect::<String>().into())
}

/// Booleans become `True` and `False`, as in Azure.
fn string(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => text_of(other).into_owned(),
    }
}

fn split(call: &Call<'_>) -> Result<Vec<Value>, ExpressionError> {
    let text = call.text(0)?;
    let separators: Vec<&str> = match call.any(1) {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => vec![call.text(1)?],
    };
    if separators.is_empty() || separators.iter().any(|separator| separator.is_empty()) {
        return Err(call.must(1, "a separator of at least one character"));
    }
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((at, separator)) = separators
        .iter()
        .filter_map(|separator| Some((rest.find(separator)?, *separator)))
        .min_by_key(|(at, separator)| (*at, usize::MAX - separator.len()))
    {
        out.push(rest[..at].into());
        rest = &rest[at + separator.len()..];
        if out.len() > ARRAY_MAX {
            return Err(ExpressionError::TooLarge(call.function));
        }
    }
    out.push(rest.into());
    Ok(out)
}

/// Thirteen letters and digits that depend on the texts alone. Azure's hash is not published; ours gives other
/// letters for the same texts.
fn unique(text: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(13).map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect()
}

/// `{0}`, `{1,8}`, `{0:D4}`, `{0:X2}`, `{0:N0}`; `{{` and `}}` are braces.
fn format(call: &Call<'_>) -> Result<Value, ExpressionError> {
    let mut out = String::new();
    let mut chars = call.text(0)?.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                out.push(c);
            }
            '{' => {
                let hole: String = chars.by_ref().take_while(|c| *c != '}').collect();
                out.push_str(&fill(call, &hole)?);
                if out.len() > TEXT_MAX {
                    return Err(ExpressionError::TooLarge(call.function));
                }
            }
            '}' => return Err(call.bad("there is a `}` without its `{`; write `}}` for the brace itself")),
            other => out.push(other),
        }
    }
    Ok(out.into())
}

fn fill(call: &Call<'_>, hole: &str) -> Result<String, ExpressionError> {
    let wrong = || call.bad(format!("`{{{hole}}}` is no place such as `{{0}}`, `{{1,8}}` or `{{0:D4}}`"));
    let (place, shape) = hole.split_once(':').unwrap_or((hole, ""));
    let (index, width) = place.split_once(',').unwrap_or((place, "0"));
    let index: usize = index.trim().parse().map_err(|_| wrong())?;
    let width: i32 = width.trim().parse().map_err(|_| wrong())?;
    let value =
        call.given(index + 1).ok_or_else(|| call.bad(format!("there is no argument for `{{{hole}}}`")))?;
    let text = if shape.is_empty() {
        string(value)
    } else {
        let number = call.integer(index + 1)?;
        let digits: usize = if shape.len() > 1 { shape[1..].parse().map_err(|_| wrong())? } else { 0 };
        if digits > 99 {
            return Err(wrong());
        }
        match shape.as_bytes()[0] {
            b'D' | b'd' => {
                let sign = if number < 0 { "-" } else { "" };
                format!("{sign}{:0digits$}", number.unsigned_abs())
            }
            b'X' => format!("{number:0digits$X}"),
            b'x' => format!("{number:0digits$x}"),
            b'N' | b'n' if shape == "N0" || shape == "n0" => thousands(number),
            _ => return Err(wrong()),
        }
    };
    let missing = usize::try_from(width.unsigned_abs()).unwrap_or(0).saturating_sub(text.chars().count());
    if missing > 1_000 {
        return Err(wrong());
    }
    let spaces = " ".repeat(missing);
    Ok(if width < 0 { format!("{text}{spaces}") } else { format!("{spaces}{text}") })
}

fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn unescape(call: &Call<'_>, text: &str) -> Result<String, ExpressionError> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = bytes.by_ref().take(2).collect();
        let value = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 2);
        let value = value.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(value.ok_or_else(|| call.bad("a `%` is not followed by two hexadecimal digits"))?);
    }
    String::from_utf8(out).map_err(|_| call.bad("the text is not UTF-8"))
}
