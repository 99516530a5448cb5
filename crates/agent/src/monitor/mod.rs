//! The monitor: ships raw logs, performance counters and the heartbeat. It never raises alerts.
//!
//! Each part is a collector with a stream. A stream without a data collection rule is not collected: the
//! rules decide what is wanted, and rows nobody takes would only fill the spool.

mod devlog;
mod heartbeat;
mod journal;
mod perf;
mod rows;
mod settings;
mod tail;
mod tailing;

use anyhow::Result;
use bartizan_wire::DesiredExtension;
use tokio::task::JoinSet;

use crate::extension::{self, Context};

pub use bartizan_formats::syslog::{SyslogEntry, parse_line, parse_message};
pub use rows::SyslogRows;
pub use settings::{DevLog, FileInput, MonitorSettings, SyslogFilter};
pub use tail::{Tail, TailRead};

const HEARTBEAT: &str = "Microsoft-Heartbeat";
const SYSLOG: &str = "Microsoft-Syslog";
const PERF: &str = "Microsoft-Perf";

/// Runs all collectors that have a stream, until told to stop.
///
/// # Errors
/// When the settings are wrong or a spool cannot be opened.
pub async fn run(context: Context) -> Result<()> {
    let settings: MonitorSettings = extension::settings(&context.configuration.extension.settings)?;
    let extension = &context.configuration.extension;
    let mut collectors = JoinSet::new();
    if wanted(&context, extension, HEARTBEAT) {
        collectors.spawn(heartbeat::run(context.clone(), context.outputs.stream(HEARTBEAT)?));
    }
    if wanted(&context, extension, PERF) {
        collectors.spawn(perf::run(context.clone(), settings.clone(), context.outputs.stream(PERF)?));
    }
    if wanted(&context, extension, SYSLOG) {
        let output = context.outputs.stream(SYSLOG)?;
        // journald sees what the files see; reading both would double every line.
        if settings.journal && journal::runs_here() {
            collectors.spawn(journal::run(context.clone(), output.clone()));
            if !settings.files.is_empty() {
                collectors.spawn(tailing::run(context.clone(), settings.files.clone(), output.clone()));
            }
        } else {
            let files = settings.files_or_default();
            collectors.spawn(tailing::run(context.clone(), files, output.clone()));
        }
        if settings.dev_log == DevLog::Auto {
            collectors.spawn(devlog::run(context.clone(), output));
        }
    }
    while let Some(ended) = collectors.join_next().await {
        ended??;
    }
    context.stop.cancelled().await;
    Ok(())
}

/// Whether some rule takes `stream`; if not, that is an issue, because the extension is there to send it.
fn wanted(context: &Context, extension: &DesiredExtension, stream: &str) -> bool {
    let wanted = extension.streams.contains_key(stream);
    let problem = (!wanted && stream == HEARTBEAT).then(|| "no data collection rule takes it".to_owned());
    context.health.issue(stream, problem);
    wanted
}
