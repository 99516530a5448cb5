//! Paths into the facts about a resource, and texts that quote them.
//!
//! `evidence/ssh.config/permitRootLogin` walks objects and arrays; a trailing `#count` is the number of
//! members. Slashes, not dots, because evidence topics have dots in their names.

use serde_json::Value;

/// Items quoted by `#list`; more are counted.
const LISTED_MAX: usize = 5;
/// Longest quoted value, in characters.
const QUOTED_MAX: usize = 200;

/// The value at `path`; absent and `null` are the same.
pub fn read(facts: &Value, path: &str) -> Option<Value> {
    let (path, suffix) = match path.split_once('#') {
        Some((path, suffix)) => (path, Some(suffix)),
        None => (path, None),
    };
    let mut value = facts;
    for step in path.split('/').filter(|step| !step.is_empty()) {
        value = match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            Value::Object(members) => members.get(step)?,
            _ => return None,
        };
    }
    match (suffix, value) {
        (_, Value::Null) => None,
        (None, value) => Some(value.clone()),
        (Some("count"), Value::Array(items)) => Some(items.len().into()),
        (Some("count"), Value::Object(members)) => Some(members.len().into()),
        (Some(suffix), Value::Array(items)) => {
            let member = suffix.strip_prefix("list")?;
            Some(list(items, member.strip_prefix('.')).into())
        }
        (Some(_), _) => None,
    }
}

/// Replaces every `{path}` in `text`. What is absent reads `unknown`.
pub fn fill(text: &str, facts: &Value) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((path, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match read(facts, path) {
            Some(value) => out.push_str(&quote(&value)),
            None => out.push_str("unknown"),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn list(items: &[Value], member: Option<&str>) -> String {
    let text = |item: &Value| quote(member.and_then(|name| item.get(name)).unwrap_or(item));
    let mut out = items.iter().take(LISTED_MAX).map(text).collect::<Vec<_>>().join(", ");
    if items.len() > LISTED_MAX {
        out.push_str(&format!(" and {} more", items.len() - LISTED_MAX));
    }
    out
}

fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(QUOTED_MAX).collect(),
        other => other.to_string().chars().take(QUOTED_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_fills() {
        let facts = json!({"a": {"b.c": [{"n": "x"}, {"n": "y"}], "none": null}, "s": "text", "seven": [1, 2, 3, 4, 5, 6, 7]});
        for (text, expected) in [
            ("{s} {a/b.c/1/n} {a/b.c#count}", "text y 2"),
            ("{a/b.c#list.n}; {seven#list}", "x, y; 1, 2, 3, 4, 5 and 2 more"),
            ("{a/none} {nowhere} {s/deeper} {s#count}", "unknown unknown unknown unknown"),
            ("open { brace", "open { brace"),
        ] {
            assert_eq!(fill(text, &facts), expected, "{text}");
        }
    }
}
