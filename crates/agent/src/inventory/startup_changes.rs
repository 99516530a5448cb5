//! Changes to files that start programs, as rows of ConfigurationChange within a second or two.
//!
//! inotify only says "look again": events merge and queues overflow, so what changed is found by comparing
//! with the state last reported, which is kept on disk. What changed while the agent was away is thereby
//! reported too, at the next start. A slow rescan covers folders that inotify cannot watch.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bartizan_base::Ticks;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use serde_json::{Value, json};

use super::autostart::{self, Entry};
use crate::extension::{Context, Output, Row, row};
use crate::spool::Positions;
use crate::upload::on_disk;

/// After the first event, others of the same edit follow within this time.
const SETTLE: Duration = Duration::from_millis(500);
const ASK_INTERVAL: Duration = Duration::from_millis(500);
const RESCAN_INTERVAL: Duration = Duration::from_secs(60);
/// Position name under which the reported state is kept, together with the rows that reported it.
const POSITION: &str = "startupFiles";

/// Path → checksum, as last reported.
type Known = BTreeMap<PathBuf, String>;

pub(super) async fn run(context: Context, output: Output) -> Result<()> {
    let mut watch = match watch() {
        Ok(watch) => Some(watch),
        Err(error) => {
            context.health.issue("inotify", Some(format!("changes are found only once a minute: {error}")));
            None
        }
    };
    let mut known: Option<Known> =
        output.position(POSITION).and_then(|stored| serde_json::from_value(stored).ok());
    loop {
        let now = on_disk(|| Ok(autostart::scan())).await?;
        let state: Known = now.iter().map(|(path, entry)| (path.clone(), entry.sha256.clone())).collect();
        if known.as_ref() != Some(&state) {
            // The very first look is the baseline; nothing in it is news.
            let rows = known.as_ref().map_or_else(Vec::new, |known| changes(&context, known, &now));
            output.send(rows, Positions::from([(POSITION.to_owned(), json!(state))])).await;
            known = Some(state);
        }
        let rescan = tokio::time::sleep(RESCAN_INTERVAL);
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = rescan => {}
            event = wait(watch.as_ref()) => match event {
                Ok(()) => tokio::time::sleep(SETTLE).await,
                Err(error) => {
                    context.health.issue("inotify", Some(error.to_string()));
                    watch = None;
                }
            },
        }
    }
}

fn watch() -> io::Result<OwnedFd> {
    let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let flags = WatchFlags::CREATE
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE
        | WatchFlags::ATTRIB
        | WatchFlags::ONLYDIR;
    let parents = ["/etc", "/var/spool"];
    let mut watched = 0;
    for folder in autostart::FOLDERS.iter().chain(&parents) {
        match inotify::add_watch(&queue, *folder, flags) {
            Ok(_) => watched += 1,
            // Folders that do not exist are found by the rescan once they do.
            Err(error) => tracing::debug!(%error, folder, "cannot watch"),
        }
    }
    if watched == 0 {
        return Err(io::Error::other("no folder can be watched"));
    }
    Ok(queue)
}

/// Waits for any event and empties the queue; for ever without a watch. The queue is asked twice a second:
/// registering a raw descriptor with the event loop would need unsafe code, and gains nothing here.
async fn wait(watch: Option<&OwnedFd>) -> io::Result<()> {
    let Some(queue) = watch else { return std::future::pending().await };
    let mut buffer = [0; 16 << 10];
    let mut seen = false;
    loop {
        match rustix::io::read(queue, &mut buffer) {
            Ok(0) => return Err(io::Error::other("the inotify queue ended")),
            Ok(_) => seen = true,
            Err(rustix::io::Errno::AGAIN) if seen => return Ok(()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => tokio::time::sleep(ASK_INTERVAL).await,
            Err(error) => return Err(error.into()),
        }
    }
}

fn changes(context: &Context, known: &Known, now: &BTreeMap<PathBuf, Entry>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (path, entry) in now {
        match known.get(path) {
            None => rows.push(change_row(context, path, "Added", None, Some(entry))),
            Some(before) if *before != entry.sha256 => {
                rows.push(change_row(context, path, "Modified", Some(before), Some(entry)));
            }
            Some(_) => {}
        }
    }
    for (path, before) in known.iter().filter(|(path, _)| !now.contains_key(*path)) {
        rows.push(change_row(context, path, "Removed", Some(before), None));
    }
    rows
}

fn change_row(
    context: &Context,
    path: &Path,
    category: &str,
    before: Option<&String>,
    entry: Option<&Entry>,
) -> Row {
    let machine = &context.configuration.machine;
    let is_unit = autostart::kind(path) == "systemd";
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let modified = entry.and_then(|entry| entry.modified).map(Ticks::from_system_time);
    row([
        ("TimeGenerated", json!(context.clock.now())),
        ("Computer", json!(machine.host_name)),
        ("ConfigChangeType", json!("Files")),
        ("ChangeCategory", json!(category)),
        ("FileSystemPath", json!(path)),
        ("FileContentChecksum", json!(entry.map(|entry| &entry.sha256))),
        ("PreviousFileContentChecksum", json!(before)),
        ("FieldsChanged", if category == "Modified" { json!("FileContentChecksum") } else { Value::Null }),
        ("Size", json!(entry.map(|entry| entry.size))),
        ("Attributes", json!(entry.map(|entry| format!("{:04o}", entry.mode)))),
        ("DateModified", json!(modified)),
        ("SvcName", if is_unit { json!(name) } else { Value::Null }),
        ("SvcController", if is_unit { json!("systemd") } else { Value::Null }),
        ("SourceComputerId", json!(machine.vm_id)),
        ("VMUUID", json!(machine.vm_id)),
        ("SourceSystem", json!("Linux")),
        ("_ResourceId", json!(machine.resource_id)),
    ])
}
