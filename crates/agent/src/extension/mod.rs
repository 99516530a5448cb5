//! What all extensions share: the conversation with the supervisor, outputs, health, orderly stop.
//!
//! An extension is a child process that runs one [`Program`]. It knows the server only through its
//! [`Outputs`] (rows) and its client (evidence). New settings restart the program inside the process; the
//! outputs stay, so nothing that was collected is lost on the way.

mod health;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bartizan_base::{Clock, SystemClock};
use bartizan_wire::{ExtensionProgram, ExtensionStatus};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::protocol::{Configuration, FromExtension, LINE_BYTES_MAX, ToExtension};
use crate::{inventory, memory, monitor, privileges, sensor};

pub use health::Health;
pub use output::{Output, OutputOptions, Outputs, Row, SEND_BYTES_MAX, SEND_ROWS_MAX, row};

/// Health goes to the supervisor this often.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
/// How often freed memory is handed back.
const MEMORY_INTERVAL: Duration = Duration::from_secs(20);
/// Time to hand the last rows to the server when asked to stop. The supervisor's own grace is longer.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// What a program runs with.
#[derive(Clone, Debug)]
pub struct Context {
    pub configuration: Arc<Configuration>,
    pub outputs: Outputs,
    pub health: Health,
    /// How the other extensions are, as the supervisor last said.
    pub siblings: watch::Receiver<Vec<ExtensionStatus>>,
    pub clock: Arc<dyn Clock>,
    pub stop: CancellationToken,
}

/// Why a program cannot run with this machine or these settings. Anything else is a crash and is restarted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// Reads an extension's settings; the message names the wrong field.
///
/// # Errors
/// [`Unsupported`], because another start with the same settings cannot help.
pub fn settings<T: serde::de::DeserializeOwned + Default>(
    value: &serde_json::Value,
) -> Result<T, Unsupported> {
    if value.is_null() {
        return Ok(T::default());
    }
    T::deserialize(value).map_err(|error| Unsupported(format!("the settings are wrong: {error}")))
}

/// The child process: gives up privileges, then runs `program` until told to stop.
pub fn main(program: ExtensionProgram, parent: u32) -> ExitCode {
    if let Err(error) = privileges::die_with(parent) {
        tracing::error!(%error, "cannot be tied to the supervisor");
        return ExitCode::FAILURE;
    }
    for refused in privileges::restrict(program) {
        tracing::info!(refused, "a limit could not be set");
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(program)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the extension failed");
            ExitCode::FAILURE
        }
    };
    // A blocked read (a followed journal, a stuck disk) must not hold the exit up.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

enum Event {
    Message(ToExtension),
    InputClosed,
    HealthDue,
    MemoryDue,
    ProgramEnded(Result<()>),
}

async fn run(program: ExtensionProgram) -> Result<()> {
    let mut inbox = inbox();
    let (siblings_sender, siblings) = watch::channel(Vec::new());
    let health = Health::default();
    // The supervisor gives each extension its own folder as working directory.
    let outputs = Outputs::new(OutputOptions::new(PathBuf::from("spool")), health.clone());
    let (ended_sender, mut ended) = mpsc::channel::<Result<()>>(4);
    let tracker = TaskTracker::new();
    let mut running: Option<(Arc<Configuration>, CancellationToken)> = None;
    let mut health_due = tokio::time::interval(HEALTH_INTERVAL);
    let mut memory_due = tokio::time::interval(MEMORY_INTERVAL);
    let outcome = loop {
        let event = tokio::select! {
            message = inbox.recv() => message.map_or(Event::InputClosed, Event::Message),
            Some(result) = ended.recv() => Event::ProgramEnded(result),
            _ = health_due.tick() => Event::HealthDue,
            _ = memory_due.tick() => Event::MemoryDue,
        };
        match event {
            Event::Message(ToExtension::Configure(configuration)) => {
                let configuration = Arc::new(*configuration);
                outputs.configure(&configuration)?;
                if let Some((old, stop)) = &running {
                    if old.extension == configuration.extension && old.machine == configuration.machine {
                        continue;
                    }
                    stop.cancel();
                    tracker.close();
                    tracker.wait().await;
                    tracker.reopen();
                    health.clear_issues();
                }
                let stop = CancellationToken::new();
                running = Some((configuration.clone(), stop.clone()));
                let context = Context {
                    configuration,
                    outputs: outputs.clone(),
                    health: health.clone(),
                    siblings: siblings.clone(),
                    clock: Arc::new(SystemClock),
                    stop: stop.clone(),
                };
                let ended = ended_sender.clone();
                // The first report makes the extension count as running, so it goes out at once.
                health_due.reset_immediately();
                tracker.spawn(async move {
                    let result = start(program, context).await;
                    // Ending because it was told to is not worth an event.
                    if !stop.is_cancelled() || result.is_err() {
                        drop(ended.send(result).await);
                    }
                });
            }
            Event::Message(ToExtension::Siblings { extensions }) => {
                siblings_sender.send_replace(extensions);
            }
            Event::Message(ToExtension::Stop) | Event::InputClosed => break Ok(()),
            Event::Message(ToExtension::Unknown) => tracing::debug!("unknown message from the supervisor"),
            Event::HealthDue if running.is_some() => {
                say(&FromExtension::Health { health: health.report(&outputs) }).await?;
            }
            Event::HealthDue => {}
            Event::MemoryDue => memory::release(),
            Event::ProgramEnded(result) => {
                if let Some(unsupported) =
                    result.as_ref().err().and_then(|error| error.downcast_ref::<Unsupported>())
                {
                    say(&FromExtension::Unsupported { message: unsupported.to_string() }).await?;
                    break Ok(());
                }
                break result.and_then(|()| Err(anyhow::anyhow!("the program ended by itself")));
            }
        }
    };
    if let Some((_, stop)) = running {
        stop.cancel();
    }
    tracker.close();
    let finish = async {
        tracker.wait().await;
        outputs.finish().await;
    };
    if tokio::time::timeout(STOP_GRACE, finish).await.is_err() {
        tracing::info!("stopping with rows still in the spool");
    }
    outcome
}

async fn start(program: ExtensionProgram, context: Context) -> Result<()> {
    match program {
        ExtensionProgram::Monitor => monitor::run(context).await,
        ExtensionProgram::Sensor => sensor::run(context).await,
        ExtensionProgram::Inventory => inventory::run(context).await,
        ExtensionProgram::Unknown => Err(Unsupported("this agent has no such program".to_owned()).into()),
    }
}

/// Lines from standard input as messages; closed when the input is.
fn inbox() -> mpsc::Receiver<ToExtension> {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut lines = BufReader::with_capacity(64 << 10, tokio::io::stdin());
        let mut line = Vec::new();
        loop {
            line.clear();
            match lines.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(length) if length > LINE_BYTES_MAX => tracing::warn!(length, "message too long, skipped"),
                Ok(_) => match serde_json::from_slice(&line) {
                    Ok(message) => {
                        if sender.send(message).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "message not understood, skipped"),
                },
            }
        }
    });
    receiver
}

async fn say(message: &FromExtension) -> Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut output = tokio::io::stdout();
    output.write_all(&line).await?;
    output.flush().await?;
    Ok(())
}
