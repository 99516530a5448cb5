//! Installing an extension: a versioned folder with the program image, its settings and a manifest.
//!
//! ```text
//! <state>/extensions/<name>/<version>/program          hard link to (or copy of) the agent's image
//! <state>/extensions/<name>/<version>/settings.json
//! <state>/extensions/<name>/<version>/manifest.json    sha256 of the program; checked before each start
//! <state>/data/<name>/                                 spool and state; kept over versions
//! ```
//!
//! The manifest is written last, so a folder with a manifest that checks is a complete installation and is
//! recognised as such by the next supervisor.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bartizan_wire::DesiredExtension;
use serde::{Deserialize, Serialize};

use crate::files;

/// An installation that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub program: PathBuf,
    /// Working directory of the extension.
    pub data: PathBuf,
}

/// Why an extension cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the name or version `{0}` is not usable as a folder name")]
    BadName(String),
    #[error("cannot install into `{path}`")]
    Io { path: PathBuf, source: io::Error },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    name: String,
    version: String,
    program_sha256: String,
    /// The image was checked in this state; while they stay, it is not hashed again.
    inode: u64,
    size: u64,
    modified_ns: i128,
}

/// Installs `extension` from `image`, or recognises that it is installed already.
///
/// # Errors
/// See [`InstallError`].
pub fn install(state: &Path, image: &Path, extension: &DesiredExtension) -> Result<Installed, InstallError> {
    check_name(&extension.name)?;
    check_name(&extension.version)?;
    let versions = state.join("extensions").join(&extension.name);
    let folder = versions.join(&extension.version);
    let data = data_folder(state, &extension.name);
    let error = |source: io::Error| InstallError::Io { path: folder.clone(), source };
    let program = folder.join("program");
    fs::create_dir_all(&folder).map_err(error)?;
    fs::create_dir_all(&data).map_err(error)?;
    write_settings(state, extension).map_err(error)?;
    // A hard link to a symbolic link would be a link that leads nowhere from its new place.
    let image = &fs::canonicalize(image).map_err(error)?;
    let recognised = verify(&folder) && same_image(image, &program).is_ok_and(|same| same);
    if !recognised {
        place(image, &program).map_err(error)?;
        let manifest = manifest(extension, &program).map_err(error)?;
        files::write_json(&folder.join("manifest.json"), &manifest).map_err(error)?;
    }
    remove_other_versions(&versions, &extension.version);
    Ok(Installed { program, data })
}

/// Whether the program in an installation folder is the one its manifest names.
pub fn verify(folder: &Path) -> bool {
    let Ok(Some(manifest)) = files::read_json::<Manifest>(&folder.join("manifest.json")) else {
        return false;
    };
    let program = folder.join("program");
    let Ok(metadata) = fs::metadata(&program) else { return false };
    let untouched = metadata.ino() == manifest.inode
        && metadata.len() == manifest.size
        && modified_ns(&metadata) == manifest.modified_ns;
    untouched || files::sha256_of(&program).is_ok_and(|hash| hash == manifest.program_sha256)
}

/// Writes the settings beside the program, for people to look at; the program gets them over its input.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_settings(state: &Path, extension: &DesiredExtension) -> io::Result<()> {
    let folder = state.join("extensions").join(&extension.name).join(&extension.version);
    files::write_json(&folder.join("settings.json"), &extension.settings)
}

/// Removes an extension with its data.
///
/// # Errors
/// When a folder cannot be removed.
pub fn remove(state: &Path, name: &str) -> Result<(), InstallError> {
    check_name(name)?;
    for path in [state.join("extensions").join(name), data_folder(state, name)] {
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(InstallError::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Names of all extensions with a folder here.
pub fn installed_names(state: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(state.join("extensions")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn data_folder(state: &Path, name: &str) -> PathBuf {
    state.join("data").join(name)
}

fn check_name(name: &str) -> Result<(), InstallError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let good = !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(allowed);
    if good { Ok(()) } else { Err(InstallError::BadName(name.chars().take(100).collect())) }
}

fn same_image(image: &Path, program: &Path) -> io::Result<bool> {
    let (ours, theirs) = (fs::metadata(image)?, fs::metadata(program)?);
    if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) {
        return Ok(true);
    }
    Ok(ours.len() == theirs.len() && files::sha256_of(image)? == files::sha256_of(program)?)
}

/// Puts the image in place under another name first, so that a crash leaves no half program, and a running one keeps its old file.
fn place(image: &Path, program: &Path) -> io::Result<()> {
    let beside = program.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A link costs nothing; across file systems only a copy works.
    if fs::hard_link(image, &beside).is_err() {
        fs::copy(image, &beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o700))?;
        fs::File::open(&beside)?.sync_all()?;
    }
    fs::rename(&beside, program)?;
    // Renaming one hard link over another of the same file does nothing and leaves both.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn manifest(extension: &DesiredExtension, program: &Path) -> io::Result<Manifest> {
    let metadata = fs::metadata(program)?;
    Ok(Manifest {
        name: extension.name.clone(),
        version: extension.version.clone(),
        program_sha256: files::sha256_of(program)?,
        inode: metadata.ino(),
        size: metadata.len(),
        modified_ns: modified_ns(&metadata),
    })
}

fn modified_ns(metadata: &fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

fn remove_other_versions(versions: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(versions) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name() != keep) {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(%error, path = %entry.path().display(), "cannot remove an old version");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_wire::ExtensionProgram;

    fn extension(name: &str, version: &str) -> DesiredExtension {
        DesiredExtension {
            name: name.to_owned(),
            publisher: String::new(),
            kind: String::new(),
            program: ExtensionProgram::Monitor,
            version: version.to_owned(),
            settings: serde_json::json!({"a": 1}),
            protected: None,
            streams: Default::default(),
        }
    }

    #[test]
    fn an_installation_is_recognised_repaired_and_replaced_by_the_next_version() {
        let state = tempfile::tempdir().unwrap();
        let image = state.path().join("image");
        fs::write(&image, "program text").unwrap();
        let installed = install(state.path(), &image, &extension("Mon", "1.0")).unwrap();
        let folder = installed.program.parent().unwrap().to_owned();
        assert!(verify(&folder));
        let before = fs::metadata(folder.join("manifest.json")).unwrap().ino();
        install(state.path(), &image, &extension("Mon", "1.0")).unwrap();
        assert_eq!(
            fs::metadata(folder.join("manifest.json")).unwrap().ino(),
            before,
            "recognised, not reinstalled"
        );

        fs::remove_file(&installed.program).unwrap();
        fs::write(&installed.program, "something else").unwrap();
        assert!(!verify(&folder), "a changed program does not verify");
        install(state.path(), &image, &extension("Mon", "1.0")).unwrap();
        assert!(verify(&folder), "and is put right");

        install(state.path(), &image, &extension("Mon", "1.1")).unwrap();
        assert!(!folder.exists(), "the old version is gone");
        assert!(installed.data.exists(), "the data stays");
        remove(state.path(), "Mon").unwrap();
        assert!(installed_names(state.path()).is_empty());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let state = tempfile::tempdir().unwrap();
        for name in ["", "..", "../x", "a/b", ".hidden", "a b"] {
            let result = install(state.path(), state.path(), &extension(name, "1"));
            assert!(matches!(result, Err(InstallError::BadName(_))), "{name:?}");
            assert!(matches!(remove(state.path(), name), Err(InstallError::BadName(_))), "{name:?}");
        }
    }
}
