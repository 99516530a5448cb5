//! OpenSSH's client configuration: each plain name after `Host` is a host.

use std::collections::BTreeMap;

use crate::inventory::groups::{Groups, Variables};

/// `HostName` of the first block that names the host holds, as OpenSSH has it. Blocks of patterns name no host, and what
/// they say of some is not looked for; neither are `Match` and `Include`.
pub(super) fn read(text: &str) -> Result<Groups, String> {
    let mut at: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut block: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(end);
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim_matches('"');
        match keyword.to_ascii_lowercase().as_str() {
            "host" => {
                let plain = |name: &&str| !name.contains(['*', '?', '!']);
                block = value
                    .split_whitespace()
                    .filter(plain)
                    .map(|name| name.trim_matches('"').to_owned())
                    .collect();
                for name in &block {
                    at.entry(name.clone()).or_default();
                }
            }
            "match" => block.clear(),
            "hostname" => {
                for name in &block {
                    let known = at.entry(name.clone()).or_default();
                    known.get_or_insert_with(|| value.replace("%h", name).replace("%%", "%"));
                }
            }
            _ => {}
        }
    }
    let mut groups = Groups::default();
    for (name, host) in at {
        let variables: Variables = host.map(|host| ("ansible_host".to_owned(), host)).into_iter().collect();
        groups.host("ungrouped", &name, &variables)?;
    }
    Ok(groups)
}
