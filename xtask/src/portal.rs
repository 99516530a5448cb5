//! Builds the portal when its sources changed since the last build.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{command, execute, root};

/// Where the built portal lies.
pub(crate) fn dist() -> PathBuf {
    root().join("web/dist")
}

/// Installs the portal's packages when the lock file changed.
pub(crate) fn install() -> anyhow::Result<()> {
    let web = root().join("web");
    let stamp = web.join("node_modules/.bartizan-lock");
    let lock =
        fs::read_to_string(web.join("package-lock.json")).context("cannot read web/package-lock.json")?;
    let lock = hash(&lock);
    if fs::read_to_string(&stamp).is_ok_and(|old| old == lock) {
        return Ok(());
    }
    execute(npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(&stamp, lock).context("cannot write the stamp of the installed packages")
}

/// Builds `web/dist` unless it is up to date.
pub(crate) fn build() -> anyhow::Result<()> {
    let web = root().join("web");
    let stamp = dist().join(".stamp");
    let sources = fingerprint(&web)?;
    if fs::read_to_string(&stamp).is_ok_and(|old| old == sources) {
        return Ok(());
    }
    install()?;
    execute(npm(&["run", "--silent", "build"]))?;
    fs::write(&stamp, sources).context("cannot write the stamp of the built portal")
}

/// An npm command that runs in `web/`.
pub(crate) fn npm(arguments: &[&str]) -> Command {
    let mut npm = command("npm", arguments);
    npm.current_dir(root().join("web")).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm
}

/// Changes when any file that the build reads changes.
fn fingerprint(web: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    collect(web, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(web).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    const NOT_READ: &[&str] = &["node_modules", "dist", "test-results", "e2e", "playwright-report"];
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_READ.iter().any(|skipped| name == *skipped) || name.to_string_lossy().ends_with(".tsbuildinfo")
        {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
