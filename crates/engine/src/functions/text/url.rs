//! Text with parts: URLs, paths, CSV, command lines, versions.

use serde_json::{Map, Value as Tree, json};

use super::super::convert::text;
use super::super::decimal::Decimal;
use super::super::dynamic::from_tree;
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("parse_url", |args, _| parse_url(&text(args[0].clone()))),
    strict("parse_urlquery", |args, _| {
        from_tree(&json!({ "Query Parameters": query(&text(args[0].clone())) }))
    }),
    strict("parse_path", |args, _| parse_path(&text(args[0].clone()))),
    strict("parse_csv", |args, _| {
        from_tree(&Tree::Array(csv(&text(args[0].clone())).into_iter().map(Tree::from).collect()))
    }),
    strict("parse_command_line", |args, _| match text(args[1].clone()).to_ascii_lowercase().as_str() {
        "windows" => from_tree(&Tree::Array(
            windows_args(&text(args[0].clone())).into_iter().map(Tree::from).collect(),
        )),
        _ => Value::Null,
    }),
    strict("parse_version", |args, _| parse_version(&text(args[0].clone()))),
];

/// Parts of a version, and digits that each takes in its number.
const VERSION_PARTS: usize = 4;
const VERSION_PART_DIGITS: usize = 8;

/// `1.2.3.4` as a number whose parts have eight digits each, missing ones being 0.
fn parse_version<'a>(version: &str) -> Value<'a> {
    let parts: Vec<&str> = version.trim().split('.').collect();
    let valid = |part: &&str| {
        (1..=VERSION_PART_DIGITS).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    if parts.len() > VERSION_PARTS || !parts.iter().all(valid) {
        return Value::Null;
    }
    let digits = (0..VERSION_PARTS).map(|at| {
        let part = parts.get(at).copied().unwrap_or("0");
        format!("{part:0>VERSION_PART_DIGITS$}")
    });
    digits.collect::<String>().parse::<Decimal>().map_or(Value::Null, Decimal::into_value)
}

fn query(text: &str) -> Tree {
    let pairs = text.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.to_owned(), Tree::from(value))
    });
    Tree::Object(pairs.collect::<Map<_, _>>())
}

/// Splits a URL by its punctuation; nothing is decoded.
fn parse_url<'a>(url: &str) -> Value<'a> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query_text) = rest.split_once('?').unwrap_or((rest, ""));
    let Some((scheme, rest)) = rest.split_once(':') else { return Value::Null };
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    {
        return Value::Null;
    }
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (address, ""),
    };
    from_tree(&json!({
        "Scheme": scheme, "Host": host, "Port": port, "Path": path, "Username": user, "Password": password,
        "Query Parameters": query(query_text), "Fragment": fragment,
    }))
}

fn parse_path<'a>(path: &str) -> Value<'a> {
    let (scheme, rest) = path.split_once("://").map_or(("", path), |(scheme, rest)| (scheme, rest));
    let root = match rest.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => &rest[..2],
        [b'/', ..] if scheme.is_empty() => "/",
        _ => "",
    };
    // An alternate data stream follows the file name.
    let after_root = &rest[if root == "/" { 0 } else { root.len() }..];
    let (body, stream) = match after_root.rsplit_once(':') {
        Some((body, stream)) if !stream.contains(['/', '\\']) => (body, stream),
        _ => (after_root, ""),
    };
    let cut = body.rfind(['/', '\\']);
    let (directory, file) = cut.map_or(("", body), |at| (&body[..at], &body[at + 1..]));
    let directory_name = directory.rsplit(['/', '\\']).next().unwrap_or("");
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let root = if root == "/" { "" } else { root };
    from_tree(&json!({
        "Scheme": scheme, "RootPath": root, "DirectoryPath": format!("{root}{directory}"),
        "DirectoryName": directory_name, "Filename": file, "Extension": extension,
        "AlternateDataStreamName": stream,
    }))
}

/// The fields of one CSV record; more lines are not read.
fn csv(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' | '\n' if !quoted => break,
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// Arguments by the rules of Windows' C runtime: backslashes count only before a quote.
fn windows_args(text: &str) -> Vec<String> {
    let mut args = Vec::new();
    let mut arg: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let mut count = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let out = arg.get_or_insert_default();
                if chars.peek() == Some(&'"') {
                    out.extend(std::iter::repeat_n('\\', count / 2));
                    if count % 2 == 1 {
                        out.push('"');
                        chars.next();
                    }
                } else {
                    out.extend(std::iter::repeat_n('\\', count));
                }
            }
            '"' => {
                quoted = !quoted;
                arg.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => args.extend(arg.take()),
            c => arg.get_or_insert_default().push(c),
        }
    }
    args.extend(arg);
    args
}
