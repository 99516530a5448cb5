//! Packages of the agent that this server offers: `<data>/agent-packages/<version>/<platform>/`, a signed manifest
//! beside the files it names.
//!
//! A machine gets one when its resource says so: `properties.agentUpgrade.desiredVersion`, or
//! `enableAutomaticUpgrade`, which means the newest. The agent checks everything again (`bartizan-seal`, and the
//! agent's `upgrade`); what is here decides only what is offered.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use bartizan_readiness::compare_versions;
use bartizan_records::Resource;
use bartizan_seal::{PackageError, Signer};
use bartizan_wire::{DesiredAgent, PACKAGE_PROGRAM, PackageFile, PackageManifest, SignedManifest};
use serde_json::Value;

use crate::pki::{Pki, PkiError};

/// Largest program that is taken.
const PROGRAM_BYTES_MAX: u64 = 512 << 20;
/// Versions looked at for one machine; each is some ten megabytes, so nobody keeps more.
const VERSIONS_MAX: usize = 200;

/// Why a package cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    #[error("cannot use `{path}`")]
    File { path: PathBuf, source: io::Error },
    #[error("`{0}` is larger than 512 MiB: is it the agent's program?")]
    TooLarge(PathBuf),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(transparent)]
    Key(#[from] PkiError),
    #[error("version {0} is offered for that platform already, and is another program: give a new version")]
    Exists(String),
}

/// Where packages lie, beside the folder of keys.
fn folder(pki: &Path) -> PathBuf {
    pki.with_file_name("agent-packages")
}

fn place(pki: &Path, version: &str, platform: &str) -> PathBuf {
    folder(pki).join(version).join(platform)
}

/// Adds a program as a package, signed. The same program again is the same package.
///
/// # Errors
/// See [`AddError`].
pub fn add(pki: &Path, program: &Path, version: &str, platform: &str) -> Result<SignedManifest, AddError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        |source| AddError::File { path, source }
    };
    let size = fs::metadata(program).map_err(fail(program))?.len();
    if size > PROGRAM_BYTES_MAX {
        return Err(AddError::TooLarge(program.to_owned()));
    }
    let bytes = fs::read(program).map_err(fail(program))?;
    let sha256 = crate::pki::hex(digest(&SHA256, &bytes).as_ref());
    let file = PackageFile { path: PACKAGE_PROGRAM.to_owned(), size, sha256, executable: true };
    let manifest = PackageManifest {
        name: PACKAGE_PROGRAM.to_owned(),
        version: version.to_owned(),
        platform: platform.to_owned(),
        files: vec![file],
    };
    if !is_plain(platform) {
        return Err(PackageError::NoManifest(format!(
            "`{platform:.40}` is no platform such as linux-x86_64"
        ))
        .into());
    }
    // Signing checks the manifest, its version above all, before that becomes a folder's name.
    let signed = signer(pki)?.sign(&manifest)?;
    let folder = place(pki, version, platform);
    if let Some(before) = read_manifest(&folder) {
        return if before.manifest == signed.manifest {
            Ok(before)
        } else {
            Err(AddError::Exists(version.to_owned()))
        };
    }
    fs::create_dir_all(&folder).map_err(fail(&folder))?;
    let path = folder.join("0");
    fs::write(&path, &bytes).map_err(fail(&path))?;
    // The manifest last and whole: a folder without one is not offered.
    let (path, beside) = (folder.join("manifest.json"), folder.join("manifest.new"));
    fs::write(&beside, serde_json::to_vec(&signed).unwrap_or_default()).map_err(fail(&beside))?;
    fs::rename(&beside, &path).map_err(fail(&path))?;
    Ok(signed)
}

fn signer(pki: &Path) -> Result<Signer, AddError> {
    Ok(Signer::from_pkcs8(&Pki::package_key(pki)?)?)
}

fn read_manifest(folder: &Path) -> Option<SignedManifest> {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).ok()?).ok()
}

/// The file of a package with this number; `None` when there is none.
pub(crate) fn file(pki: &Path, version: &str, platform: &str, number: &str) -> Option<PathBuf> {
    let digits = number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !is_plain(version) || !is_plain(platform) {
        return None;
    }
    let folder = place(pki, version, platform);
    read_manifest(&folder)?;
    Some(folder.join(number)).filter(|path| path.is_file())
}

/// What a machine should run, by its resource; `None` when nothing is said, or nothing fits.
pub(crate) fn wanted(pki: &Path, machine: &Resource) -> Option<DesiredAgent> {
    let upgrade = machine.property("agentUpgrade")?;
    let detected = machine.property("detectedProperties")?;
    let architecture = detected["architecture"].as_str().unwrap_or_default();
    let os = machine.property("osType").and_then(Value::as_str).unwrap_or_default();
    let platform = format!("{}-{architecture}", os.to_ascii_lowercase());
    if !is_plain(&platform) {
        return None;
    }
    let asked = upgrade["desiredVersion"].as_str().filter(|version| is_plain(version));
    let version = match asked {
        Some(version) => version.to_owned(),
        None if upgrade["enableAutomaticUpgrade"] == true => newest(pki, &platform)?,
        None => return None,
    };
    let manifest = read_manifest(&place(pki, &version, &platform))?;
    Some(DesiredAgent {
        version,
        manifest,
        package_key: signer(pki).ok()?.public(),
        // Somebody who names a version means it; what comes by itself only goes up.
        allow_downgrade: asked.is_some() && upgrade["allowDowngrade"] == true,
        trial_seconds: upgrade["trialSeconds"].as_u64(),
    })
}

fn newest(pki: &Path, platform: &str) -> Option<String> {
    let versions = fs::read_dir(folder(pki)).ok()?.flatten().take(VERSIONS_MAX);
    let offered = versions
        .filter(|version| version.path().join(platform).join("manifest.json").is_file())
        .filter_map(|version| version.file_name().into_string().ok());
    offered.max_by(|a, b| compare_versions(a, b).unwrap_or(std::cmp::Ordering::Equal))
}

/// A folder's name and nothing else.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    !name.is_empty() && name.len() <= 60 && !name.starts_with('.') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_signed_offered_and_never_another_program_under_the_same_version() {
        let data = tempfile::tempdir().unwrap();
        let pki = data.path().join("pki");
        fs::create_dir(&pki).unwrap();
        let program = data.path().join("program");
        fs::write(&program, "one").unwrap();
        let signed = add(&pki, &program, "1.2.0", "linux-x86_64").unwrap();
        let public = signer(&pki).unwrap().public();
        let manifest = bartizan_seal::verify(&public, &signed).unwrap();
        assert_eq!((manifest.files[0].size, manifest.version.as_str()), (3, "1.2.0"));
        assert_eq!(fs::read(file(&pki, "1.2.0", "linux-x86_64", "0").unwrap()).unwrap(), b"one");
        assert_eq!(add(&pki, &program, "1.2.0", "linux-x86_64").unwrap(), signed, "the same again");
        fs::write(&program, "two").unwrap();
        assert!(matches!(add(&pki, &program, "1.2.0", "linux-x86_64"), Err(AddError::Exists(_))));
        add(&pki, &program, "1.10.0", "linux-x86_64").unwrap();
        add(&pki, &program, "2.0.0", "linux-aarch64").unwrap();
        assert_eq!(newest(&pki, "linux-x86_64").as_deref(), Some("1.10.0"));
        for (version, platform) in
            [("../1", "linux-x86_64"), ("1.0", "../x"), ("1.0", ""), ("", "linux-x86_64")]
        {
            assert!(add(&pki, &program, version, platform).is_err(), "{version} {platform}");
        }
        for (version, platform, number) in [
            ("..", "pki", "0"),
            ("1.2.0", "..", "0"),
            ("1.2.0", "linux-x86_64", "../0"),
            ("1.2.0", "linux-x86_64", "7"),
        ] {
            assert_eq!(file(&pki, version, platform, number), None, "{version}/{platform}/{number}");
        }
    }
}
