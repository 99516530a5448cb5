//! The keys of an S3-compatible store: from a file, or from the environment.

use std::fmt::{Debug, Formatter};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rusty_s3::Credentials;

/// What a file of credentials may hold.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Where keys come from. They are read anew for each object, so that a changed file needs no restart.
pub(super) struct CredentialSource {
    file: Option<PathBuf>,
}

impl Debug for CredentialSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => write!(f, "CredentialSource({})", file.display()),
            None => f.write_str("CredentialSource(environment)"),
        }
    }
}

impl CredentialSource {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// The keys as they are now.
    ///
    /// # Errors
    /// When there are none; the text says where they were looked for, and nothing of what was found.
    pub(super) fn read(&self) -> anyhow::Result<Credentials> {
        match &self.file {
            Some(file) => from_file(file),
            None => Credentials::from_env().context(
                "there are no credentials for the bucket: name a file with --export-s3-credentials, or set \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            ),
        }
    }
}

fn from_file(path: &Path) -> anyhow::Result<Credentials> {
    let cannot = || format!("cannot read the credentials in `{}`", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).with_context(cannot)?;
    ensure!(
        text.len() as u64 <= FILE_BYTES_MAX,
        "the credentials in `{}` are larger than {FILE_BYTES_MAX} bytes",
        path.display()
    );
    parse(&text).with_context(|| {
        format!(
            "the credentials in `{}` need the lines `aws_access_key_id = …` and `aws_secret_access_key = …`, in the \
             section [default] or in none",
            path.display()
        )
    })
}

/// The form that Amazon's own tools keep in `~/.aws/credentials`.
fn parse(text: &str) -> Option<Credentials> {
    let (mut id, mut secret, mut token) = (None, None, None);
    let mut ours = true;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            ours = section.trim_end_matches(']').trim() == "default";
        }
        let Some((name, value)) = line.split_once('=').filter(|_| ours && !line.starts_with(['#', ';']))
        else {
            continue;
        };
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "aws_access_key_id" => &mut id,
            "aws_secret_access_key" => &mut secret,
            "aws_session_token" => &mut token,
            _ => continue,
        };
        *place = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    }
    let (id, secret) = (id?, secret?);
    Some(match token {
        Some(token) => Credentials::new_with_token(id, secret, token),
        None => Credentials::new(id, secret),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_section_or_none() {
        let text = "# ours\n[other]\naws_access_key_id = no\naws_secret_access_key = no\n[default]\n\
            aws_access_key_id=AKIA1\naws_secret_access_key = a/b+c==\nregion = x\n";
        let found = parse(text).unwrap();
        assert_eq!((found.key(), found.secret(), found.token()), ("AKIA1", "a/b+c==", None));
        let plain = "AWS_ACCESS_KEY_ID=k\naws_secret_access_key=s\naws_session_token=t\n";
        let found = parse(plain).unwrap();
        assert_eq!((found.key(), found.secret(), found.token()), ("k", "s", Some("t")));
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, "aws_access_key_id = AKIA1\naws_secret = geheim\n").unwrap();
        let source = CredentialSource::new(Some(path.clone()));
        let error = format!("{:#}", source.read().unwrap_err());
        assert!(error.contains("keys`") && error.contains("aws_secret_access_key"), "{error}");
        assert!(!error.contains("geheim") && !error.contains("AKIA1"), "{error}");
        std::fs::write(&path, "aws_access_key_id = AKIA1\naws_secret_access_key = geheim\n").unwrap();
        assert_eq!(source.read().unwrap().secret(), "geheim", "a changed file counts at once");
        assert!(!format!("{source:?} {:?}", source.read().unwrap()).contains("geheim"));
        std::fs::write(&path, " ".repeat(70_000)).unwrap();
        assert!(source.read().unwrap_err().to_string().contains("larger"));
    }
}
