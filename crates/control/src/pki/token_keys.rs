//! The keys that sign tokens: the one in use, and those before it, which are believed until their tokens have ended.
//!
//! Each is a file, because the command line and the server both change them. A key that is replaced is kept under a
//! name that says until when: `token-signing-until-<seconds of Unix time>.key`.

use std::fs;
use std::path::{Path, PathBuf};

use bartizan_base::Ticks;
use rcgen::KeyPair;

use crate::pki::{PkiError, files};

const CURRENT: &str = "token-signing.key";
const FORMER_PREFIX: &str = "token-signing-until-";
const SUFFIX: &str = ".key";
/// Former keys at one time: each check of a token may look at all of them.
const FORMER_MAX: usize = 8;

/// The keys as of one moment.
#[derive(Debug)]
pub struct TokenKeys {
    /// Signs new tokens.
    pub current: KeyPair,
    /// Those before it, and until when what they signed is believed.
    pub former: Vec<(KeyPair, Ticks)>,
}

/// What becomes of the key in use when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Its tokens are believed until then.
    BelievedUntil(Ticks),
    /// It is withdrawn with all former ones: every token that was made so far is refused.
    Withdrawn,
}

impl TokenKeys {
    /// Reads the keys in `dir`, makes the first one, and forgets those whose time is over.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn open(dir: &Path, now: Ticks) -> Result<Self, PkiError> {
        let current = files::key(&dir.join(CURRENT))?;
        let mut former = Vec::new();
        for (path, until) in former_files(dir)? {
            if until <= now {
                remove(&path)?;
            } else {
                former.push((files::key(&path)?, until));
            }
        }
        Ok(Self { current, former })
    }

    /// Puts a new key into use. A crash leaves the old key in use, or the new one with the old one believed.
    ///
    /// # Errors
    /// [`PkiError::TooManyKeys`] when there are too many former ones; see [`PkiError`] for the others.
    pub fn rotate(dir: &Path, replaced: Replaced, now: Ticks) -> Result<Self, PkiError> {
        let keys = Self::open(dir, now)?;
        let new = KeyPair::generate().map_err(PkiError::Make)?;
        match replaced {
            Replaced::BelievedUntil(until) => {
                if keys.former.len() >= FORMER_MAX {
                    return Err(PkiError::TooManyKeys(FORMER_MAX));
                }
                // Two in one second must not take one another's place.
                let mut seconds = until.unix_seconds();
                while dir.join(former_name(seconds)).exists() {
                    seconds += 1;
                }
                files::write(&dir.join(former_name(seconds)), &keys.current.serialize_pem())?;
            }
            Replaced::Withdrawn => {
                for (path, _) in former_files(dir)? {
                    remove(&path)?;
                }
            }
        }
        files::write(&dir.join(CURRENT), &new.serialize_pem())?;
        Self::open(dir, now)
    }
}

fn former_name(seconds: i64) -> String {
    format!("{FORMER_PREFIX}{seconds}{SUFFIX}")
}

fn former_files(dir: &Path) -> Result<Vec<(PathBuf, Ticks)>, PkiError> {
    let failed = |source| PkiError::File { action: "list", path: dir.to_owned(), source };
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let seconds = name.strip_prefix(FORMER_PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(until) = seconds
            .and_then(|text| text.parse().ok())
            .map(|seconds: i64| Ticks::from_unix_millis(seconds.saturating_mul(1000)))
        {
            out.push((path, until));
        }
    }
    out.sort();
    Ok(out)
}

fn remove(path: &Path) -> Result<(), PkiError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PkiError::File { action: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Timespan;

    fn pems(keys: &TokenKeys) -> Vec<String> {
        let former = keys.former.iter().map(|(key, _)| key.serialize_pem());
        [keys.current.serialize_pem()].into_iter().chain(former).collect()
    }

    #[test]
    fn a_former_key_is_believed_for_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let now = Ticks::parse("2026-01-01").unwrap();
        let hour = Timespan::from_seconds(3600);
        let first = pems(&TokenKeys::open(dir.path(), now).unwrap());
        let second = pems(&TokenKeys::rotate(dir.path(), Replaced::BelievedUntil(now + hour), now).unwrap());
        assert_eq!(second[1..], first);
        let third = pems(&TokenKeys::rotate(dir.path(), Replaced::BelievedUntil(now + hour), now).unwrap());
        assert_eq!(third.len(), 3, "two in one second are two");
        assert_eq!(pems(&TokenKeys::open(dir.path(), now).unwrap()), third);
        let later = now + hour + Timespan::from_seconds(1);
        assert_eq!(pems(&TokenKeys::open(dir.path(), later).unwrap()), third[..1]);
        assert_eq!(former_files(dir.path()).unwrap(), [], "and then its file is gone");
    }

    #[test]
    fn withdrawn_is_withdrawn_and_there_is_an_end_to_rotating() {
        let dir = tempfile::tempdir().unwrap();
        let now = Ticks::parse("2026-01-01").unwrap();
        let until = Replaced::BelievedUntil(now + Timespan::from_seconds(3600));
        for _ in 0..FORMER_MAX {
            TokenKeys::rotate(dir.path(), until, now).unwrap();
        }
        let before = pems(&TokenKeys::open(dir.path(), now).unwrap());
        assert!(matches!(TokenKeys::rotate(dir.path(), until, now), Err(PkiError::TooManyKeys(_))));
        assert_eq!(pems(&TokenKeys::open(dir.path(), now).unwrap()), before, "refused, and nothing changed");
        let after = pems(&TokenKeys::rotate(dir.path(), Replaced::Withdrawn, now).unwrap());
        assert_eq!(after.len(), 1);
        assert!(!before.contains(&after[0]));
    }
}
