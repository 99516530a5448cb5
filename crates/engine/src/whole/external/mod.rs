//! `externaldata`: rows of files outside the store.
//!
//! A query's author chooses the place, so nothing is read that the operator of the server has not allowed:
//! a place must begin with an entry of the allow-list, and a local one must be there after links are
//! followed. How much is read, unpacked and waited for is bounded.

mod formats;
mod zip;

use std::fmt::Debug;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use async_trait::async_trait;
use bartizan_kql::bound::{External, Literal};

use super::Task;
use crate::error::QueryError;
use formats::{Format, Skip};

/// Gets a file from another machine.
#[async_trait]
pub trait Fetch: Send + Sync + Debug {
    /// The bytes at `uri`, or why there are none. More than `bytes_max` is an error. Redirects must not be
    /// followed: they would lead past the allow-list.
    async fn fetch(&self, uri: &str, bytes_max: u64) -> Result<Vec<u8>, String>;
}

/// What `externaldata` may read.
#[derive(Clone, Debug)]
pub struct ExternalData {
    /// What a place must begin with, such as `https://lists.example.org/feeds/` or `file:///srv/lists/`. An
    /// entry that does not end in `/` allows that one file.
    pub allowed: Vec<String>,
    /// Bytes of one query's files, packed and unpacked.
    pub bytes_max: u64,
    pub timeout: Duration,
    /// For `https`; without it only local files are read.
    pub fetch: Option<Arc<dyn Fetch>>,
}

impl Default for ExternalData {
    /// Nothing is allowed. The bounds fit lists of indicators, not data sets.
    fn default() -> Self {
        Self { allowed: Vec::new(), bytes_max: 64 << 20, timeout: Duration::from_secs(30), fetch: None }
    }
}

/// The declared columns of all rows of all files, in order.
pub(super) async fn read(external: &External, task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let Some(access) = task.context.external.clone() else {
        return Err(refused(
            "`externaldata` is switched off on this server: start it with `--external-data PLACE` for each place that \
             queries may read",
        ));
    };
    let mut rows = formats::Rows::new(&task.whole.columns);
    let mut left = access.bytes_max;
    for place in &external.uris {
        let Literal::String(uri) = task.context.constant(place)? else {
            return Err(task.unsupported("a place of external data that is null"));
        };
        let uri = uri.as_str();
        let format = Format::of(external.format.as_deref(), uri)
            .ok_or_else(|| refused(format!("`externaldata` cannot read the format of `{}`", shown(uri))))?;
        let place = access.check(uri)?;
        let bytes = tokio::time::timeout(access.timeout, access.bytes(uri, place, left));
        let bytes = bytes.await.map_err(|_| {
            refused(format!("`{}` did not answer within {} s", shown(uri), access.timeout.as_secs()))
        })??;
        for bytes in unpacked(uri, bytes, external.zip_pattern.as_deref(), left)? {
            task.memory.try_grow(bytes.len() * 2)?;
            left = left.saturating_sub(bytes.len() as u64);
            let text = String::from_utf8_lossy(&bytes);
            let skip = Skip { first: external.ignore_first_record, last: external.ignore_last_record };
            rows.read(&text, format, skip, &mut || task.interrupt().check())
                .map_err(|error| error.into_query_error(&shown(uri)))?;
        }
    }
    Ok(rows.finish())
}

/// Where an allowed file is.
enum Place {
    Local(PathBuf),
    Remote,
}

impl ExternalData {
    /// Whether the place may be read, and where it is.
    fn check(&self, uri: &str) -> Result<Place, QueryError> {
        let not_allowed =
            || refused(format!("`{}` is not among the places that `externaldata` may read", shown(uri)));
        // text that servers and file systems resolve to another place than the one it begins with
        let evasive = uri.contains("..")
            || uri.contains('\\')
            || uri.contains('@')
            || uri.to_ascii_lowercase().contains("%2e")
            || uri.chars().any(char::is_control);
        let allowed = self.allowed.iter().find(|allowed| match allowed.ends_with('/') {
            true => uri.starts_with(allowed.as_str()),
            false => uri == allowed.as_str(),
        });
        let Some(allowed) = allowed.filter(|_| !evasive) else { return Err(not_allowed()) };
        match (local_path(uri), local_path(allowed)) {
            (Some(path), Some(root)) => {
                let path = path.canonicalize().map_err(|error| unreadable(uri, &error.to_string()))?;
                let root = root.canonicalize().map_err(|error| unreadable(uri, &error.to_string()))?;
                if path.starts_with(root) { Ok(Place::Local(path)) } else { Err(not_allowed()) }
            }
            // without TLS only where the operator's entry says so
            _ if uri.starts_with("https://") || uri.starts_with("http://") => Ok(Place::Remote),
            _ => Err(refused(format!(
                "`externaldata` reads `https`, `http` and `file` places, not `{}`",
                shown(uri)
            ))),
        }
    }

    async fn bytes(&self, uri: &str, place: Place, bytes_max: u64) -> Result<Vec<u8>, QueryError> {
        match (place, &self.fetch) {
            (Place::Local(path), _) => {
                let read = tokio::task::spawn_blocking(move || read_file(&path, bytes_max)).await;
                let read = read.map_err(|error| QueryError::Internal(error.to_string()))?;
                read.map_err(|error| unreadable(uri, &error.to_string()))
            }
            (Place::Remote, Some(fetch)) => {
                let bytes = fetch.fetch(uri, bytes_max).await.map_err(|error| unreadable(uri, &error))?;
                if bytes.len() as u64 > bytes_max { Err(too_large(uri, bytes_max)) } else { Ok(bytes) }
            }
            (Place::Remote, None) => Err(refused("this server reads only local files with `externaldata`")),
        }
    }
}

fn local_path(uri: &str) -> Option<PathBuf> {
    uri.strip_prefix("file://").map(|path| Path::new(path).to_path_buf())
}

fn read_file(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(std::io::Error::other(format!("it is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// The contents of a file that may be packed with gzip, or those of the files in a zip archive.
fn unpacked(
    uri: &str,
    bytes: Vec<u8>,
    zip_pattern: Option<&str>,
    bytes_max: u64,
) -> Result<Vec<Vec<u8>>, QueryError> {
    if zip::is_zip(&bytes) {
        let wanted =
            |name: &str| zip_pattern.is_none_or(|pattern| bartizan_kql::matches_wildcard(pattern, name));
        return zip::members(&bytes, wanted, bytes_max).map_err(|error| unreadable(uri, &error));
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(vec![bytes]);
    }
    let mut out = Vec::new();
    let unpack = flate2::read::MultiGzDecoder::new(bytes.as_slice());
    unpack
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|error| unreadable(uri, &error.to_string()))?;
    if out.len() as u64 > bytes_max { Err(too_large(uri, bytes_max)) } else { Ok(vec![out]) }
}

fn refused(reason: impl Into<String>) -> QueryError {
    QueryError::Refused { reason: reason.into() }
}

fn unreadable(uri: &str, error: &str) -> QueryError {
    refused(format!("cannot read `{}`: {error}", shown(uri)))
}

fn too_large(uri: &str, bytes_max: u64) -> QueryError {
    let what = format!("`{}` makes the external data larger than {bytes_max} bytes", shown(uri));
    QueryError::TooLarge { what }
}

/// A place without what stands behind `?` or `;`, which may be a secret.
fn shown(uri: &str) -> String {
    uri.split(['?', ';']).next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_on_the_list_are_allowed() {
        let access = ExternalData {
            allowed: vec![
                "https://lists.example.org/feeds/".to_owned(),
                "https://a.example.org/one.csv".to_owned(),
            ],
            ..ExternalData::default()
        };
        for (uri, allowed) in [
            ("https://lists.example.org/feeds/ips.csv", true),
            ("https://lists.example.org/feeds/../secret.csv", false),
            ("https://lists.example.org/feeds/%2E%2e/secret.csv", false),
            ("https://lists.example.org.evil.example/feeds/ips.csv", false),
            ("https://lists.example.org/feeds", false),
            ("https://a.example.org/one.csv", true),
            ("https://a.example.org/one.csv.gz", false),
            ("http://lists.example.org/feeds/ips.csv", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(access.check(uri).is_ok(), allowed, "{uri}");
        }
    }

    #[test]
    fn links_do_not_lead_out_of_an_allowed_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (open, closed) = (dir.path().join("open"), dir.path().join("closed"));
        std::fs::create_dir_all(&open).unwrap();
        std::fs::create_dir_all(&closed).unwrap();
        std::fs::write(open.join("a.csv"), "1").unwrap();
        std::fs::write(closed.join("b.csv"), "2").unwrap();
        std::os::unix::fs::symlink(closed.join("b.csv"), open.join("b.csv")).unwrap();
        let allowed = vec![format!("file://{}/", open.display())];
        let access = ExternalData { allowed, ..ExternalData::default() };
        assert!(access.check(&format!("file://{}/a.csv", open.display())).is_ok());
        assert!(access.check(&format!("file://{}/b.csv", open.display())).is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown("https://a.example.org/x.csv?sig=abc"), "https://a.example.org/x.csv");
        assert_eq!(shown("https://a.example.org/x.csv;key"), "https://a.example.org/x.csv");
    }
}
