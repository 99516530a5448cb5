//! Key files: readable by their owner only, written whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rcgen::KeyPair;

use crate::pki::PkiError;

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> PkiError + 'a {
    move |source| PkiError::File { action, path: path.to_owned(), source }
}

/// Makes a directory that only its owner may enter.
pub(crate) fn private_dir(dir: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(dir).map_err(failed("make", dir))?;
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed("protect", dir))
}

/// The file's text, or `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, PkiError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Writes beside the file and renames, so that a crash leaves the old file or the new one.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    let beside = path.with_extension("new");
    drop(fs::remove_file(&beside));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed("make", &beside))?;
    file.write_all(text.as_bytes()).map_err(failed("write", &beside))?;
    file.sync_all().map_err(failed("sync", &beside))?;
    fs::rename(&beside, path).map_err(failed("rename to", path))
}

/// The P-256 key in `path`, made when there is none.
pub(crate) fn key(path: &Path) -> Result<KeyPair, PkiError> {
    if let Some(text) = read(path)? {
        return KeyPair::from_pem(&text)
            .map_err(|source| PkiError::Damaged { path: path.to_owned(), source });
    }
    let key = KeyPair::generate().map_err(PkiError::Make)?;
    write(path, &key.serialize_pem())?;
    Ok(key)
}
