//! `bartizan backup` and `bartizan restore`: everything a server keeps, copied while it runs, and put back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bartizan_base::SystemClock;
use bartizan_records::Records;
use bartizan_store::backup::{self, Copied};
use serde::{Deserialize, Serialize};

use crate::lock::DataLock;
use crate::open_records;

/// Version of a backup's folder, and the newest one that is restored.
const VERSION: u32 = 1;
/// What a complete backup says of itself; written last.
const CONTENTS: &str = "backup.json";
/// How often the manifest is taken again when files went away under the copy.
const TRIES: usize = 10;

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// The program that made it.
    program: String,
    made: String,
    files: Vec<Copied>,
}

/// Copies the data folder `data` to the folder `to`, which must not exist or be empty. A server may run on it.
///
/// # Errors
/// When something cannot be read or written; `to` is no backup then.
pub(crate) async fn back_up(data: &Path, to: &Path) -> anyhow::Result<String> {
    ensure!(
        data.join("control.db").is_file(),
        "there is no server's data in `{}`: nothing to back up",
        data.display()
    );
    ensure_empty(to)?;
    private(to)?;
    let (logs, target) = (data.join("logs"), to.join("logs"));
    let mut files = in_folder("logs", backup::copy_log(&logs, &target).context("cannot copy the log")?);
    let records = open_records(data, Arc::new(SystemClock)).await?;
    let copied = copy_manifest_and_files(&records, &logs, &target, to).await;
    records.close().await;
    let (rows, snapshot) = copied?;
    files.extend(in_folder("logs", rows));
    files.push(snapshot);
    for entry in std::fs::read_dir(data.join("pki")).context("cannot read the keys")? {
        let from = entry.context("cannot read the keys")?.path();
        let path = format!("pki/{}", from.file_name().unwrap_or_default().to_string_lossy());
        files.push(Copied { path: path.clone(), ..backup::copy_file(&from, &to.join(path))? });
    }
    let count = files.len();
    let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    let made = records.now().to_string();
    let contents = Contents { version: VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), made, files };
    let draft = to.join("backup.json.tmp");
    std::fs::write(&draft, serde_json::to_vec_pretty(&contents)?).context("cannot write the contents")?;
    std::fs::rename(&draft, to.join(CONTENTS)).context("cannot write the contents")?;
    Ok(format!("{count} files, {bytes} bytes, in `{}`", to.display()))
}

/// The files of the log store and the database that names them, consistent with each other.
async fn copy_manifest_and_files(
    records: &Records,
    logs: &Path,
    target: &Path,
    to: &Path,
) -> anyhow::Result<(Vec<Copied>, Copied)> {
    let path = to.join("control.db");
    for _ in 0..TRIES {
        if path.exists() {
            std::fs::remove_file(&path).context("cannot copy the database again")?;
        }
        records.snapshot_to(&path).await.context("cannot copy the database")?;
        let snapshot = Records::open_copy(&path).await.context("cannot open the database's copy")?;
        let files = backup::copy_files(&snapshot, logs, target).await;
        snapshot.close().await;
        if let Some(files) = files.context("cannot copy the files of the log store")? {
            let mut copy = files;
            remove_unnamed(target, &mut copy)?;
            let measured = measure(&path)?;
            return Ok((copy, Copied { path: "control.db".to_owned(), ..measured }));
        }
    }
    anyhow::bail!(
        "the files of the log store change faster than they can be copied, or some are lost (`/healthz` and `Operation` \
         tell): try again later"
    )
}

/// Removes files that an earlier try copied and the last manifest does not name.
fn remove_unnamed(target: &Path, named: &mut [Copied]) -> anyhow::Result<()> {
    use bartizan_store::disk::{Disk, LocalDisk};
    let known: std::collections::BTreeSet<PathBuf> =
        named.iter().map(|file| target.join(&file.path)).collect();
    for path in LocalDisk.list(&target.join("data")).context("cannot list the copy")? {
        if !known.contains(&path) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}

fn measure(path: &Path) -> anyhow::Result<Copied> {
    use bartizan_store::disk::{Disk, LocalDisk};
    let (size_bytes, crc) = LocalDisk.checksum(path).context("cannot read the database's copy")?;
    Ok(Copied { path: String::new(), size_bytes, crc })
}

fn in_folder(folder: &str, files: Vec<Copied>) -> Vec<Copied> {
    files.into_iter().map(|file| Copied { path: format!("{folder}/{}", file.path), ..file }).collect()
}

/// Puts the backup in `from` into the data folder `data`, which must not exist or be empty.
///
/// # Errors
/// When the backup is incomplete, damaged, or of a newer program, or something cannot be written.
pub(crate) fn restore(from: &Path, data: &Path) -> anyhow::Result<String> {
    let text = std::fs::read(from.join(CONTENTS))
        .with_context(|| format!("`{}` is no complete backup: it has no `{CONTENTS}`", from.display()))?;
    let contents: Contents =
        serde_json::from_slice(&text).with_context(|| format!("`{CONTENTS}` of the backup is damaged"))?;
    ensure!(
        contents.version <= VERSION,
        "the backup has version {}; this program restores up to {VERSION}: use the program that made it, {}",
        contents.version,
        contents.program
    );
    for file in &contents.files {
        let is_inside =
            Path::new(&file.path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        ensure!(is_inside, "`{CONTENTS}` names `{}`, which is not in the backup", file.path);
    }
    backup::verify(from, &contents.files).context("the backup is damaged; nothing was restored")?;
    ensure_empty(data)?;
    private(data)?;
    let lock = DataLock::take(data)?;
    for file in &contents.files {
        backup::copy_file(&from.join(&file.path), &data.join(&file.path))
            .with_context(|| format!("cannot restore; remove `{}` before the next try", data.display()))?;
    }
    drop(lock);
    Ok(format!("{} files of {} in `{}`", contents.files.len(), contents.made, data.display()))
}

fn ensure_empty(dir: &Path) -> anyhow::Result<()> {
    let is_empty = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        entries => entries.with_context(|| format!("cannot read `{}`", dir.display()))?.next().is_none(),
    };
    ensure!(is_empty, "`{}` is not empty: name a new folder", dir.display());
    Ok(())
}

/// Keys and logs are their owner's only.
fn private(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot protect `{}`", dir.display()))
}
