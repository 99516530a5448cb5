//! Arrays and objects.

use serde_json::{Map, Value, json};

use super::{Call, Function, pure};
use crate::expression::{ARRAY_MAX, ExpressionError};
use crate::value::{get, member, text_of};

pub(super) const FUNCTIONS: &[Function] = &[
    pure("array", 1, 1, |call| {
        Ok(match call.any(0) {
            Value::Array(items) => Value::Array(items.clone()),
            other => Value::Array(vec![other.clone()]),
        })
    }),
    pure("contains", 2, 2, contains),
    pure("createArray", 0, usize::MAX, |call| Ok(Value::Array(call.arguments.to_vec()))),
    pure("createObject", 0, usize::MAX, |call| {
        if !call.arguments.len().is_multiple_of(2) {
            return Err(call.bad("names and values must come in pairs"));
        }
        let pairs = (0..call.arguments.len()).step_by(2);
        pairs
            .map(|at| Ok((call.text(at)?.to_owned(), call.any(at + 1).clone())))
            .collect::<Result<_, _>>()
            .map(Value::Object)
    }),
    pure("empty", 1, 1, |call| {
        Ok(match call.any(0) {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => return Err(call.wrong(0, "an array, an object or a text")),
        }
        .into())
    }),
    pure("first", 1, 1, |call| match call.any(0) {
        Value::Array(items) => Ok(items.first().cloned().unwrap_or_default()),
        Value::String(text) => Ok(text.chars().take(1).collect::<String>().into()),
        _ => Err(call.wrong(0, "an array or a text")),
    }),
    pure("flatten", 1, 1, |call| {
        let mut out = Vec::new();
        for item in call.array(0)? {
            match item {
                Value::Array(items) => out.extend(items.iter().cloned()),
                _ => return Err(call.wrong(0, "an array of arrays")),
            }
            if out.len() > ARRAY_MAX {
                return Err(ExpressionError::TooLarge(call.function));
            }
        }
        Ok(Value::Array(out))
    }),
    pure("indexFromEnd", 2, 2, |call| {
        let found = from_end(call)?;
        found.cloned().ok_or_else(|| call.bad("the array has fewer members"))
    }),
    pure("intersection", 2, usize::MAX, intersection),
    pure("items", 1, 1, |call| {
        let mut members: Vec<_> = call.object(0)?.iter().collect();
        members.sort_by(|a, b| a.0.cmp(b.0));
        Ok(Value::Array(
            members.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect(),
        ))
    }),
    pure("last", 1, 1, |call| match call.any(0) {
        Value::Array(items) => Ok(items.last().cloned().unwrap_or_default()),
        Value::String(text) => Ok(text.chars().last().map(String::from).unwrap_or_default().into()),
        _ => Err(call.wrong(0, "an array or a text")),
    }),
    pure("length", 1, 1, |call| {
        Ok(match call.any(0) {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::String(text) => text.chars().count(),
            _ => return Err(call.wrong(0, "an array, an object or a text")),
        }
        .into())
    }),
    pure("objectKeys", 1, 1, |call| {
        let mut keys: Vec<&String> = call.object(0)?.keys().collect();
        keys.sort();
        Ok(Value::Array(keys.into_iter().map(|key| key.as_str().into()).collect()))
    }),
    pure("range", 2, 2, |call| {
        let (start, count) = (call.integer(0)?, call.size(1)?);
        let end = i64::try_from(count).ok().and_then(|count| start.checked_add(count));
        match end {
            Some(end) if count <= ARRAY_MAX => Ok(Value::Array((start..end).map(Value::from).collect())),
            _ => Err(call.must(1, "at most 10,000")),
        }
    }),
    pure("shallowMerge", 1, 1, |call| {
        let mut out = Map::new();
        for item in call.array(0)? {
            let members = item.as_object().ok_or_else(|| call.wrong(0, "an array of objects"))?;
            out.extend(members.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Ok(Value::Object(out))
    }),
    pure("skip", 2, 2, |call| {
        let skipped = call.size(1)?;
        match call.any(0) {
            Value::Array(items) => Ok(Value::Array(items.iter().skip(skipped).cloned().collect())),
            Value::String(text) => Ok(text.chars().skip(skipped).collect::<String>().into()),
            _ => Err(call.wrong(0, "an array or a text")),
        }
    }),
    pure("take", 2, 2, |call| {
        let taken = call.size(1)?;
        match call.any(0) {
            Value::Array(items) => Ok(Value::Array(items.iter().take(taken).cloned().collect())),
            Value::String(text) => Ok(text.chars().take(taken).collect::<String>().into()),
            _ => Err(call.wrong(0, "an array or a text")),
        }
    }),
    pure("tryGet", 2, usize::MAX, |call| {
        let mut current = call.any(0).clone();
        for at in 1..call.arguments.len() {
            current = match (call.any(at), &current) {
                (Value::String(name), _) => member(&current, name).cloned().unwrap_or_default(),
                (Value::Number(_), Value::Array(items)) => usize::try_from(call.integer(at)?)
                    .ok()
                    .and_then(|at| items.get(at))
                    .cloned()
                    .unwrap_or_default(),
                (Value::Number(_), _) => Value::Null,
                _ => return Err(call.wrong(at, "a name or a place")),
            };
        }
        Ok(current)
    }),
    pure("tryIndexFromEnd", 2, 2, |call| Ok(from_end(call)?.cloned().unwrap_or_default())),
    pure("union", 2, usize::MAX, union),
];

/// Counted from one.
fn from_end<'a>(call: &Call<'a>) -> Result<Option<&'a Value>, ExpressionError> {
    let items = call.array(0)?;
    Ok(items.len().checked_sub(call.size(1)?).and_then(|at| items.get(at)))
}

fn contains(call: &Call<'_>) -> Result<Value, ExpressionError> {
    Ok(match call.any(0) {
        Value::Array(items) => items.contains(call.any(1)).into(),
        Value::Object(members) => get(members, &text_of(call.any(1))).is_some().into(),
        Value::String(text) => text.contains(&*text_of(call.any(1))).into(),
        _ => return Err(call.wrong(0, "an array, an object or a text")),
    })
}

fn intersection(call: &Call<'_>) -> Result<Value, ExpressionError> {
    if call.any(0).is_object() {
        let mut out = call.object(0)?.clone();
        for at in 1..call.arguments.len() {
            let other = call.object(at)?;
            out.retain(|name, value| get(other, name) == Some(value));
        }
        return Ok(Value::Object(out));
    }
    let mut out: Vec<Value> = Vec::new();
    work(call)?;
    for item in call.array(0)? {
        let mut everywhere = !out.contains(item);
        for at in 1..call.arguments.len() {
            everywhere = everywhere && call.array(at)?.contains(item);
        }
        if everywhere {
            out.push(item.clone());
        }
    }
    Ok(Value::Array(out))
}

fn union(call: &Call<'_>) -> Result<Value, ExpressionError> {
    if call.any(0).is_object() {
        let mut out = Value::Object(Map::new());
        for at in 0..call.arguments.len() {
            merge(&mut out, &Value::Object(call.object(at)?.clone()));
        }
        return Ok(out);
    }
    let mut out: Vec<Value> = Vec::new();
    work(call)?;
    for at in 0..call.arguments.len() {
        for item in call.array(at)? {
            if !out.contains(item) {
                out.push(item.clone());
            }
        }
    }
    Ok(Value::Array(out))
}

/// Comparing each member with each is square work: it is paid for, so that it is bounded.
fn work(call: &Call<'_>) -> Result<(), ExpressionError> {
    let members: u64 =
        call.arguments.iter().filter_map(Value::as_array).map(|items| items.len() as u64).sum();
    match call.scope {
        Some(scope) => scope.steps.take(members * members / 64),
        None if members > 1_000 => Err(ExpressionError::TooLarge(call.function)),
        None => Ok(()),
    }
}

/// Members of `from` over those of `into`, object by object.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                let key = into.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
                merge(into.entry(key.unwrap_or_else(|| name.clone())).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
