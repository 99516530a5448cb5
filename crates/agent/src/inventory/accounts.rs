//! The topic `accounts`: who may sign in without a password, who is root under another name, and whether the files that
//! say so are protected. No password and no hash of one leaves this module.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::files;

pub(super) const PASSWD: &str = "/etc/passwd";
pub(super) const SHADOW: &str = "/etc/shadow";
/// A directory server's export of a large company fits.
const FILE_BYTES_MAX: u64 = 16 << 20;
const LISTED_MAX: usize = 100;
const NAME_MAX: usize = 64;

/// The accounts of the system whose files are below `root`.
pub(super) fn evidence(root: &Path) -> Value {
    let read = |path: &str| {
        let content = files::read_bounded(&below(root, path), FILE_BYTES_MAX);
        let content = content.map_err(|error| format!("`{path}` cannot be read: {error}"))?;
        content
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .ok_or(format!("`{path}` is missing"))
    };
    let (passwd, shadow) = match (read(PASSWD), read(SHADOW)) {
        (Ok(passwd), Ok(shadow)) => (passwd, shadow),
        (Err(reason), _) | (_, Err(reason)) => return json!({"status": "unknown", "reason": reason}),
    };
    let without = without_password(&passwd, &shadow);
    let roots: Vec<&str> =
        fields(&passwd).filter(|fields| fields.get(2) == Some(&"0")).map(|fields| fields[0]).collect();
    let files = [PASSWD, SHADOW].map(|path| protection(root, path));
    json!({
        "status": "known",
        "withoutPasswordCount": without.len(),
        "withoutPassword": listed(&without),
        "rootCount": roots.len(),
        "roots": listed(&roots),
        "files": files,
    })
}

fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The fields of each line of a file of accounts, of which the first is a name.
fn fields(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', '+', '-']));
    lines
        .map(|line| line.split(':').collect::<Vec<_>>())
        .filter(|fields| fields.len() > 1 && !fields[0].is_empty())
}

/// Accounts whose password is empty: in the file itself, or where it refers to the other one by `x`.
fn without_password<'a>(passwd: &'a str, shadow: &str) -> Vec<&'a str> {
    let empty: std::collections::HashSet<&str> =
        fields(shadow).filter(|fields| fields[1].is_empty()).map(|fields| fields[0]).collect();
    fields(passwd)
        .filter(|fields| fields[1].is_empty() || fields[1] == "x" && empty.contains(fields[0]))
        .map(|fields| fields[0])
        .collect()
}

fn listed(names: &[&str]) -> Vec<String> {
    names.iter().take(LISTED_MAX).map(|name| name.chars().take(NAME_MAX).collect()).collect()
}

fn protection(root: &Path, path: &str) -> Value {
    match fs::metadata(below(root, path)) {
        Ok(found) => json!({
            "path": path, "mode": format!("{:04o}", found.mode() & 0o7777), "uid": found.uid(), "gid": found.gid(),
        }),
        Err(error) => json!({"path": path, "mode": null, "reason": error.to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn system(passwd: &str, shadow: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        if let Some(shadow) = shadow {
            fs::write(root.path().join("etc/shadow"), shadow).unwrap();
        }
        root
    }

    #[test]
    fn empty_passwords_and_other_roots_are_found_and_no_hash_is_told() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# comment::\nbob:x:1000:1000::/home/bob:/bin/sh\n\
                      old::1001:1001::/:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nlocked:x:1002:1002::/:/bin/false\n";
        let shadow = "root:$6$secret:19000:0:::::\nbob::19000:0:::::\ntoor:*:1::::::\nlocked:!:1::::::\n";
        let root = system(passwd, Some(shadow));
        let mode = |name: &str, mode: u32| {
            fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("etc/passwd", 0o646);
        mode("etc/shadow", 0o600);
        let found = evidence(root.path());
        assert_eq!(found["withoutPassword"], json!(["bob", "old"]));
        assert_eq!(found["roots"], json!(["root", "toor"]));
        assert_eq!(
            (&found["files"][0]["mode"], &found["files"][1]["mode"]),
            (&json!("0646"), &json!("0600"))
        );
        assert!(!found.to_string().contains("secret"), "{found}");
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_lists_are_bounded() {
        let found = evidence(system("root:x:0:0::/:/bin/sh\n", None).path());
        assert_eq!(found["status"], "unknown");
        assert!(found["reason"].as_str().unwrap().contains("/etc/shadow"), "{found}");
        let many: String = (0..500).map(|number| format!("u{number}::{number}:1::/:/bin/sh\n")).collect();
        let found = evidence(system(&many, Some("")).path());
        assert_eq!(found["withoutPasswordCount"], 500);
        assert_eq!(found["withoutPassword"].as_array().unwrap().len(), LISTED_MAX);
    }
}
