//! Ansible's YAML form.

use serde_norway::{Mapping, Value};

use crate::inventory::groups::{Groups, Variables};
use crate::inventory::range::expand;

/// Deeper nesting is a mistake, or somebody's attempt.
const DEPTH_MAX: usize = 32;

pub(super) fn read(text: &str) -> Result<Groups, String> {
    let document: Value = serde_norway::from_str(text).map_err(|error| {
        // The parser's own words may quote a value.
        let place = error.location().map_or_else(String::new, |at| format!(" at line {}", at.line()));
        format!("it is not YAML{place}")
    })?;
    let mut groups = Groups::default();
    let Some(top) = mapping(&document).map_err(|()| "the file has no groups such as `all:`".to_owned())?
    else {
        return Ok(groups);
    };
    for (name, group) in top {
        read_group(&mut groups, "all", &text_of(name)?, group, 0)?;
    }
    Ok(groups)
}

fn read_group(
    groups: &mut Groups,
    parent: &str,
    name: &str,
    group: &Value,
    depth: usize,
) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("groups are more than {DEPTH_MAX} deep, at `{name}`"));
    }
    let part = |word: &str| {
        let wrong = || format!("`{word}` of the group `{name}` are not names with a colon");
        match mapping(group).map_err(|()| format!("the group `{name}` is none"))? {
            Some(group) => group.get(word).map_or(Ok(None), |value| mapping(value).map_err(|()| wrong())),
            None => Ok(None),
        }
    };
    if name != "all" {
        groups.child(parent, name)?;
    }
    for (variable, value) in part("vars")?.into_iter().flatten() {
        if let Some(value) = scalar(value) {
            groups.variable(name, &text_of(variable)?, value)?;
        }
    }
    for (pattern, variables) in part("hosts")?.into_iter().flatten() {
        let pattern = text_of(pattern)?;
        let wrong = || format!("the variables of the host `{pattern}` are not names with values");
        let mut own = Variables::new();
        for (variable, value) in mapping(variables).map_err(|()| wrong())?.into_iter().flatten() {
            own.extend(scalar(value).map(|value| Ok::<_, String>((text_of(variable)?, value))).transpose()?);
        }
        for host in expand(&pattern)? {
            groups.host(name, &host, &own)?;
        }
    }
    for (child, group) in part("children")?.into_iter().flatten() {
        read_group(groups, name, &text_of(child)?, group, depth + 1)?;
    }
    Ok(())
}

/// A mapping, or nothing at all (`web:`).
fn mapping(value: &Value) -> Result<Option<&Mapping>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::Mapping(mapping) => Ok(Some(mapping)),
        _ => Err(()),
    }
}

fn text_of(value: &Value) -> Result<String, String> {
    scalar(value).ok_or_else(|| "a name is not text".to_owned())
}

/// A single value as text. Values with a tag (`!vault`) are encrypted or unsafe: none of ours.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}
