//! Providing `/dev/log` where nobody else does, as in containers without a syslog daemon: programs that log
//! through `syslog(3)`, sshd above all, are then seen like anywhere else.
//!
//! A service that starts later takes the path over by unlinking it; we notice that by the inode and let go.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use tokio::net::UnixDatagram;

use super::rows::SyslogRows;
use super::settings::MonitorSettings;
use crate::extension::{self, Context, Output, Row, SEND_ROWS_MAX};
use crate::facts;
use bartizan_formats::syslog::parse_message;

const PATH: &str = "/dev/log";
/// Longest message taken; syslog(3) sends at most 8 KiB, some libraries more.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Whether the path is free, or still ours, is looked at this often.
const OWNER_CHECK: Duration = Duration::from_secs(10);

pub(super) async fn run(context: Context, output: Output) -> Result<()> {
    loop {
        match provide(Path::new(PATH)).await {
            Ok(Some(socket)) => listen(&context, &output, socket).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "cannot provide /dev/log"),
        }
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(OWNER_CHECK) => {}
        }
    }
}

/// Row maker for this machine, shared by the syslog collectors.
pub(super) fn rows_for(context: &Context) -> SyslogRows {
    let machine = &context.configuration.machine;
    let addresses = facts::collect().addresses;
    let first = addresses.iter().find(|address| address.interface != "lo" && !address.address.contains(':'));
    // Wrong settings have stopped the extension before.
    let settings: MonitorSettings =
        extension::settings(&context.configuration.extension.settings).unwrap_or_default();
    SyslogRows {
        filters: settings.syslog,
        host_name: machine.host_name.clone(),
        resource_id: machine.resource_id.clone(),
        host_ip: first.map_or_else(|| "127.0.0.1".to_owned(), |address| address.address.clone()),
    }
}

/// The bound socket and its inode, by which the path is recognised as ours.
struct Provided {
    socket: UnixDatagram,
    inode: u64,
}

/// Binds the path when nobody listens there; `None` when somebody does.
async fn provide(path: &Path) -> io::Result<Option<Provided>> {
    if super::journal::runs_here() {
        return Ok(None);
    }
    match fs::symlink_metadata(path) {
        // A link belongs to a service that is just away (journald's socket), so it is left alone.
        Ok(metadata) if !metadata.file_type().is_socket() => return Ok(None),
        Ok(_) => {
            if UnixDatagram::unbound()?.connect(path).is_ok() {
                return Ok(None);
            }
            // A socket file nobody listens on: its owner ended without cleaning up.
            fs::remove_file(path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixDatagram::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    let inode = fs::symlink_metadata(path)?.ino();
    tracing::info!(path = %path.display(), "providing the syslog socket, because no service does");
    Ok(Some(Provided { socket, inode }))
}

fn is_ours(inode: u64) -> bool {
    fs::symlink_metadata(PATH).is_ok_and(|metadata| metadata.ino() == inode)
}

async fn listen(context: &Context, output: &Output, provided: Provided) {
    let rows = rows_for(context);
    let zone = TimeZone::system();
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let mut check = tokio::time::interval(OWNER_CHECK);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => break,
            _ = check.tick() => if !is_ours(provided.inode) { return },
            received = provided.socket.recv(&mut buffer) => {
                let mut batch = Vec::new();
                batch.extend(received.ok().and_then(|length| read(context, &rows, &zone, &buffer[..length])));
                // Whatever else waits goes along, so that a burst is few sends.
                while batch.len() < SEND_ROWS_MAX
                    && let Ok(length) = provided.socket.try_recv(&mut buffer)
                {
                    batch.extend(read(context, &rows, &zone, &buffer[..length]));
                }
                context.health.count("events", batch.len() as u64);
                output.send_rows(batch).await;
            }
        }
    }
    if is_ours(provided.inode)
        && let Err(error) = fs::remove_file(PATH)
    {
        tracing::warn!(%error, "cannot remove /dev/log");
    }
}

fn read(context: &Context, rows: &SyslogRows, zone: &TimeZone, message: &[u8]) -> Option<Row> {
    let text = String::from_utf8_lossy(message);
    let text = text.trim_end_matches(['\0', '\n']);
    let now = context.clock.now();
    // The sender's stamp has whole seconds; arrival is as true and finer.
    if text.is_empty() {
        return None;
    }
    let entry = parse_message(text, now, zone);
    rows.row(super::SyslogEntry { time: None, ..entry }, now)
}
