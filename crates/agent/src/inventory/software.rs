//! Installed software as rows of ConfigurationData: all of it at start, when the package database changes,
//! and every six hours.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde_json::json;

use super::dpkg::{self, Package};
use super::rpm::{self, RpmDatabase};
use crate::extension::{Context, Output, Row, SEND_ROWS_MAX, row};
use crate::upload::on_disk;

const CHECK_INTERVAL: Duration = Duration::from_secs(5);
const FULL_INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// A package manager at work changes its database many times; rows come when it has been still this long.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) async fn run(context: Context, output: Output) -> Result<()> {
    let mut sent: Option<(SystemTime, tokio::time::Instant)> = None;
    loop {
        if let Some(changed) = database_changed() {
            let is_new = sent.is_none_or(|(before, at)| before != changed || at.elapsed() >= FULL_INTERVAL);
            let still = changed.elapsed().is_ok_and(|age| age >= SETTLE);
            if is_new && (still || sent.is_none()) {
                report(&context, &output).await;
                sent = Some((changed, tokio::time::Instant::now()));
            }
        }
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// Installed packages of every database this machine has.
///
/// # Errors
/// One message per database that cannot be read.
pub(super) async fn installed() -> Result<Vec<Package>, String> {
    let mut packages =
        on_disk(dpkg::read).await.map_err(|error| format!("{}: {error}", dpkg::STATUS))?.unwrap_or_default();
    match rpm::find() {
        RpmDatabase::None => {}
        RpmDatabase::Unsupported(message) => return Err(message),
        RpmDatabase::Sqlite(path) => {
            let (found, _) = rpm::read_database(&path).await.map_err(|error| error.to_string())?;
            packages.extend(found);
        }
    }
    Ok(packages)
}

/// When a package database last changed.
fn database_changed() -> Option<SystemTime> {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let rpm = match rpm::find() {
        // Until a checkpoint, changes are in the write-ahead log.
        RpmDatabase::Sqlite(path) => modified(&path).max(modified(&path.with_extension("sqlite-wal"))),
        // Its state is an issue to tell, once.
        RpmDatabase::Unsupported(_) => Some(SystemTime::UNIX_EPOCH),
        RpmDatabase::None => None,
    };
    modified(Path::new(dpkg::STATUS)).max(rpm)
}

async fn report(context: &Context, output: &Output) {
    match installed().await {
        Ok(packages) => {
            context.health.issue("software", None);
            context.health.set("packages", packages.len() as u64);
            for part in packages.chunks(SEND_ROWS_MAX) {
                output.send_rows(part.iter().map(|package| software_row(context, package)).collect()).await;
            }
        }
        Err(problem) => context.health.issue("software", Some(problem)),
    }
}

fn software_row(context: &Context, package: &Package) -> Row {
    let machine = &context.configuration.machine;
    row([
        ("TimeGenerated", json!(context.clock.now())),
        ("Computer", json!(machine.host_name)),
        ("ConfigDataType", json!("Software")),
        ("SoftwareName", json!(package.name)),
        ("CurrentVersion", json!(package.version)),
        ("Publisher", json!(package.publisher)),
        ("SoftwareType", json!("Package")),
        ("SoftwareDescription", json!(package.summary)),
        ("Architecture", json!(package.architecture)),
        ("SourceComputerId", json!(machine.vm_id)),
        ("VMUUID", json!(machine.vm_id)),
        ("SourceSystem", json!("Linux")),
        ("_ResourceId", json!(machine.resource_id)),
    ])
}
