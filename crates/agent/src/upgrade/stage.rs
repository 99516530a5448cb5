//! From a wish to a version on disk: every check before the first change, and the switch last.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use bartizan_base::{Ticks, Timespan};
use bartizan_readiness::compare_versions;
use bartizan_wire::{DesiredAgent, PackageFile, PackageManifest, UpgradeReport, UpgradeState};
use sha2::{Digest, Sha256};

use super::launch;
use super::{Record, TRIAL_SECONDS, UpgradeError, current, manifest_hash, program_of, switch, versions};
use crate::files;
use crate::server::CallError;

/// Takes parts of a file; answers false when it has enough.
pub type Take<'a> = dyn FnMut(&[u8]) -> bool + Send + 'a;

/// Where packages come from.
#[async_trait::async_trait]
pub trait Packages: Send + Sync {
    /// One file of a package, in parts, each handed to `take`.
    async fn fetch(
        &self,
        manifest: &PackageManifest,
        number: usize,
        take: &mut Take<'_>,
    ) -> Result<(), CallError>;
}

/// Fetches, verifies and unpacks the wanted version, and lets it be what runs next, on trial.
///
/// # Errors
/// See [`UpgradeError`]; nothing that runs was changed then.
pub async fn stage(
    state: &Path,
    wanted: &DesiredAgent,
    running: &str,
    expected: Vec<String>,
    packages: &dyn Packages,
    now: Ticks,
) -> Result<(), UpgradeError> {
    let manifest = verify(state, wanted, running)?;
    let folder = versions(state).join(&manifest.version);
    unpack(&folder, &manifest, packages).await?;
    let fail = |source: io::Error| UpgradeError::Io { path: folder.clone(), source };
    files::write_json(&folder.join("package.json"), &wanted.manifest).map_err(fail)?;
    let seconds = wanted.trial_seconds.unwrap_or(TRIAL_SECONDS).clamp(1, 24 * 3600);
    let record = Record {
        report: UpgradeReport {
            version: manifest.version.clone(),
            state: UpgradeState::Trial,
            message: format!("installed beside {running}; on trial for {seconds} s"),
            time: now,
        },
        former: current(state),
        manifest_sha256: manifest_hash(&wanted.manifest),
        deadline: now.saturating_add(Timespan::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))),
        starts: 0,
        expected,
        launcher: launch::mark(),
    };
    // The record first: a switch without one would be a version that nobody watches.
    record.store(state).map_err(fail)?;
    switch(state, Some(&manifest.version)).map_err(fail)
}

/// Everything that can be known before anything is fetched.
fn verify(state: &Path, wanted: &DesiredAgent, running: &str) -> Result<PackageManifest, UpgradeError> {
    let pinned = pinned_key(state, &wanted.package_key)?;
    let manifest = bartizan_seal::verify(&pinned, &wanted.manifest)?;
    if manifest.version != wanted.version || manifest.name != bartizan_wire::PACKAGE_PROGRAM {
        let found = format!("{} {}", manifest.name, manifest.version);
        return Err(UpgradeError::WrongManifest { found, wanted: wanted.version.clone() });
    }
    let own = platform();
    if manifest.platform != own {
        return Err(UpgradeError::WrongPlatform { found: manifest.platform, own });
    }
    let older = compare_versions(&manifest.version, running).is_none_or(|order| order.is_lt());
    if older && !wanted.allow_downgrade {
        return Err(UpgradeError::Downgrade { running: running.to_owned(), wanted: manifest.version });
    }
    Ok(manifest)
}

/// The platform of this program.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The pinned key. The first one that comes is pinned: it came over a connection whose authority is pinned.
fn pinned_key(state: &Path, offered: &str) -> Result<String, UpgradeError> {
    let path = state.join("package-key");
    let fail = |source| UpgradeError::Io { path: path.clone(), source };
    match files::read_bounded(&path, 4096).map_err(fail)? {
        Some(pinned) if pinned == offered.as_bytes() => Ok(offered.to_owned()),
        Some(_) => Err(UpgradeError::KeyChanged),
        None => {
            files::write_atomically(&path, offered.as_bytes()).map_err(fail)?;
            Ok(offered.to_owned())
        }
    }
}

/// Writes the package into a folder beside its place and renames it, so that a version's folder is whole or absent.
async fn unpack(
    folder: &Path,
    manifest: &PackageManifest,
    packages: &dyn Packages,
) -> Result<(), UpgradeError> {
    if manifest.files.iter().all(|file| is_whole(&folder.join(&file.path), file)) {
        return Ok(());
    }
    let beside = folder.with_added_extension("new");
    let fail = |source: io::Error| UpgradeError::Io { path: beside.clone(), source };
    remove_folder(&beside).map_err(fail)?;
    fs::create_dir_all(&beside).map_err(fail)?;
    for (number, file) in manifest.files.iter().enumerate() {
        if let Err(error) = fetch(&beside, manifest, number, file, packages).await {
            drop(remove_folder(&beside));
            return Err(error);
        }
    }
    remove_folder(folder).map_err(fail)?;
    fs::rename(&beside, folder).map_err(fail)?;
    files::sync_folder(folder.parent().unwrap_or(folder)).map_err(fail)
}

async fn fetch(
    folder: &Path,
    manifest: &PackageManifest,
    number: usize,
    file: &PackageFile,
    packages: &dyn Packages,
) -> Result<(), UpgradeError> {
    // The manifest was checked: this stays in the folder.
    let path = folder.join(&file.path);
    let fail = |source: io::Error| UpgradeError::Io { path: path.clone(), source };
    fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(fail)?;
    let mut out =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(fail)?;
    let (mut hash, mut size, mut failed) = (Sha256::new(), 0_u64, None);
    let mut take = |part: &[u8]| {
        size = size.saturating_add(part.len() as u64);
        hash.update(part);
        // Not a byte more than the manifest says is written.
        if size <= file.size {
            failed = out.write_all(part).err();
        }
        size <= file.size && failed.is_none()
    };
    packages.fetch(manifest, number, &mut take).await.map_err(UpgradeError::Fetch)?;
    if let Some(error) = failed {
        return Err(fail(error));
    }
    let shown = file.path.clone();
    if size != file.size {
        return Err(UpgradeError::WrongSize { path: shown, found: size, expected: file.size });
    }
    if files::hex(&hash.finalize()) != file.sha256 {
        return Err(UpgradeError::WrongHash { path: shown });
    }
    let mode = if file.executable { 0o700 } else { 0o600 };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(fail)?;
    out.sync_all().map_err(fail)
}

/// Whether a file on disk is the one that its manifest names.
pub(super) fn is_whole(path: &Path, file: &PackageFile) -> bool {
    let size = fs::metadata(path).map(|metadata| metadata.len());
    size.is_ok_and(|size| size == file.size) && files::sha256_of(path).is_ok_and(|hash| hash == file.sha256)
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes every version but these.
pub(super) fn keep_only(state: &Path, kept: &[&str]) {
    let Ok(entries) = fs::read_dir(versions(state)) else { return };
    for entry in entries.flatten() {
        if !kept.iter().any(|kept| entry.file_name() == *kept)
            && let Err(error) = remove_folder(&entry.path())
        {
            tracing::warn!(%error, path = %entry.path().display(), "cannot remove an old version");
        }
    }
}

/// Whether the installed version `version` is still what its signed manifest says.
pub(super) fn check_installed(state: &Path, version: &str) -> Result<(), String> {
    let program = program_of(state, version);
    let folder = program.parent().unwrap_or(state);
    let key = files::read_bounded(&state.join("package-key"), 4096).ok().flatten();
    let key = key.and_then(|key| String::from_utf8(key).ok()).ok_or("there is no pinned package key")?;
    let signed = files::read_json(&folder.join("package.json")).map_err(|error| error.to_string())?;
    let signed = signed.ok_or("it has no manifest")?;
    let manifest = bartizan_seal::verify(&key, &signed).map_err(|error| error.to_string())?;
    let damaged = manifest.files.iter().find(|file| !is_whole(&folder.join(&file.path), file));
    match damaged {
        None if manifest.version == version => Ok(()),
        None => Err(format!("its manifest is for version {}", manifest.version)),
        Some(file) => Err(format!("`{}` is not the file that was installed", file.path)),
    }
}
