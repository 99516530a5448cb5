//! Ansible's INI form.

use crate::inventory::groups::{Groups, Variables};
use crate::inventory::range::expand;

/// What the lines of a section are.
enum Section {
    Hosts(String),
    Children(String),
    Vars(String),
}

pub(super) fn read(text: &str) -> Result<Groups, String> {
    let mut groups = Groups::default();
    let mut section = Section::Hosts("ungrouped".to_owned());
    for (at, line) in text.lines().enumerate() {
        let at_line = |what: String| format!("line {}: {what}", at + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') && !is_address(line) {
            section = header(line).map_err(at_line)?;
            let (Section::Hosts(group) | Section::Children(group) | Section::Vars(group)) = &section;
            groups.child("all", group).map_err(at_line)?;
            continue;
        }
        match &section {
            Section::Hosts(group) => hosts(&mut groups, group, line).map_err(at_line)?,
            Section::Children(parent) => {
                let child = line.split_whitespace().next().unwrap_or_default();
                groups.child(parent, child).map_err(at_line)?;
            }
            Section::Vars(group) => {
                let (name, value) = line.split_once('=').unwrap_or((line, ""));
                let value = unquoted(value.trim()).to_owned();
                groups.variable(group, name.trim(), value).map_err(at_line)?;
            }
        }
    }
    Ok(groups)
}

/// `[2001:db8::1]` and `[2001:db8::1]:22` are hosts.
fn is_address(line: &str) -> bool {
    let inside = line.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_default();
    inside.parse::<std::net::Ipv6Addr>().is_ok()
}

fn header(line: &str) -> Result<Section, String> {
    let shown: String = line.chars().take(80).collect();
    let end = line.find(']').ok_or_else(|| format!("`{shown}` has no `]`"))?;
    let after = line[end + 1..].trim();
    if !(after.is_empty() || after.starts_with(['#', ';'])) {
        return Err(format!("`{shown}` goes on after its `]`"));
    }
    let name = line[1..end].trim();
    match name.split_once(':') {
        _ if name.is_empty() => Err("a group without a name".to_owned()),
        None => Ok(Section::Hosts(name.to_owned())),
        Some((group, "children")) => Ok(Section::Children(group.to_owned())),
        Some((group, "vars")) => Ok(Section::Vars(group.to_owned())),
        Some(_) => Err(format!("`{name}` is no section: after the colon comes `children` or `vars`")),
    }
}

fn hosts(groups: &mut Groups, group: &str, line: &str) -> Result<(), String> {
    let mut words = words(line)?.into_iter();
    let Some(pattern) = words.next() else { return Ok(()) };
    let variables: Variables = words
        .filter_map(|word| {
            word.split_once('=').map(|(name, value)| (name.to_owned(), unquoted(value).to_owned()))
        })
        .collect();
    for name in expand(without_port(&pattern))? {
        groups.host(group, &name, &variables)?;
    }
    Ok(())
}

/// `name:2222` names a port; the colons of a range and of an IPv6 address do not.
fn without_port(pattern: &str) -> &str {
    match pattern.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => pattern,
    }
}

/// Words of a line as a shell would see them, up to a comment. Quotes stay, for `unquoted`.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) => {
                word.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c == '#' && word.is_empty() => break,
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => {
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                word.push(c);
            }
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn unquoted(value: &str) -> &str {
    let inside = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
