//! Names of local users, from `/etc/passwd` alone: asking the name service could block on the network.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How often the file's modification time is looked at.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// A file larger than this is not a list of local users.
const FILE_BYTES_MAX: u64 = 4 << 20;

pub(crate) struct Users {
    path: PathBuf,
    modified: Option<SystemTime>,
    checked: Option<Instant>,
    names: HashMap<u32, Arc<str>>,
}

impl Users {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), modified: None, checked: None, names: HashMap::new() }
    }

    pub(crate) fn name(&mut self, uid: u32) -> Option<Arc<str>> {
        if self.checked.is_none_or(|at| at.elapsed() > CHECK_EVERY) {
            self.checked = Some(Instant::now());
            self.reload_if_changed();
        }
        self.names.get(&uid).cloned()
    }

    fn reload_if_changed(&mut self) {
        let facts = fs::metadata(&self.path).ok();
        let modified = facts.as_ref().and_then(|facts| facts.modified().ok());
        if modified == self.modified && modified.is_some() {
            return;
        }
        self.modified = modified;
        let small = facts.is_some_and(|facts| facts.len() <= FILE_BYTES_MAX);
        let text = small.then(|| fs::read_to_string(&self.path).ok()).flatten().unwrap_or_default();
        self.names = parse(&text);
    }
}

/// The first name of a number wins, as in the C library.
fn parse(text: &str) -> HashMap<u32, Arc<str>> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
        if let Ok(uid) = uid.parse() {
            names.entry(uid).or_insert_with(|| Arc::from(name));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_skips_what_is_none() {
        let names =
            parse("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n+::::::\nbroken\nweb:x:33:33:::\n");
        assert_eq!(names.get(&0).map(|name| &**name), Some("root"));
        assert_eq!(names.get(&33).map(|name| &**name), Some("web"));
        assert_eq!(names.len(), 2);
    }
}
