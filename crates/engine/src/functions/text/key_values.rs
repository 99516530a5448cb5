//! The pairs that `parse-kv` finds in a text.

use bartizan_analytics::text::key_values::{Shape, pairs};
use bartizan_kql::bound::KEY_VALUES;

use super::super::kernel::{Entry, Scratch, seeing_nulls};
use crate::functions::dynamic;
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[seeing_nulls(KEY_VALUES, key_values)];

/// A bag of the wanted keys: the text, how it is built (a regular expression, delimiters, quotes, escapes,
/// greedy), and the keys. The first pair with a key counts.
fn key_values<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let [text, regex, pair, kv, quotes, escapes, greedy, wanted @ ..] = args else { return Value::Null };
    let text = plain(text);
    let found: Vec<(String, String)> = if plain(regex).is_empty() {
        let shape = Shape {
            delimiters: (!plain(pair).is_empty()).then(|| (plain(pair), plain(kv))),
            quotes: plain(quotes).lines().filter_map(quote).collect(),
            escapes: plain(escapes).chars().collect(),
            greedy: matches!(greedy, Value::Bool(true)),
        };
        pairs(text, &shape)
    } else {
        let Some(regex) = scratch.regex(plain(regex)) else { return Value::Null };
        let group = |found: &regex::Captures<'_>, at: usize| {
            found.get(at).map_or("", |group| group.as_str()).trim().to_owned()
        };
        regex.captures_iter(text).map(|found| (group(&found, 1), group(&found, 2))).collect()
    };
    let mut json = String::from("{");
    for key in wanted.iter().map(plain) {
        let Some((_, value)) = found.iter().find(|(found, _)| found == key) else { continue };
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&dynamic::to_json(&Value::string(key)));
        json.push(':');
        json.push_str(&dynamic::to_json(&Value::string(value.as_str())));
    }
    json.push('}');
    Value::dynamic(json)
}

fn plain<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::String(text) => text.as_ref(),
        _ => "",
    }
}

/// One character both opens and closes; of two, the first opens.
fn quote(text: &str) -> Option<(char, char)> {
    let mut chars = text.chars();
    let open = chars.next()?;
    Some((open, chars.next().unwrap_or(open)))
}
