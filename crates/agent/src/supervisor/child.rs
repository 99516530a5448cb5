//! A running extension: the process, its lines, and how it ends.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::Event;
use crate::protocol::{FromExtension, LINE_BYTES_MAX, ToExtension};

/// Messages that wait for a child which does not read. One that lets this fill is not well anyway.
const WAITING_MESSAGES_MAX: usize = 32;

/// How long an ended child's pipe is still read.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(500);

/// How to start an extension.
#[derive(Clone, Debug)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
}

/// A handle on a running child. Dropping it closes the child's input, which ends the child.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    /// Tells this run from an earlier one of the same extension.
    pub(super) run: u64,
    input: mpsc::Sender<ToExtension>,
}

impl Running {
    /// Starts the program. What it says and its end come as events with `name` and `run`.
    pub(super) fn start(
        launch: &Launch,
        name: &str,
        run: u64,
        events: &mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .current_dir(&launch.folder)
            .env_clear()
            // Collectors call a few system tools; their messages are parsed, so the language is fixed.
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            // Freed memory goes back to the machine: one heap for all threads, and large blocks never join it.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true);
        if let Ok(level) = std::env::var(crate::cli::LOG_VARIABLE) {
            command.env(crate::cli::LOG_VARIABLE, level);
        }
        let mut child = command.spawn()?;
        let pid = child.id().unwrap_or_default();
        let (input, messages) = mpsc::channel(WAITING_MESSAGES_MAX);
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        tokio::spawn(write_messages(stdin, messages));
        tokio::spawn(watch(child, stdout, name.to_owned(), run, events.clone()));
        Ok(Self { pid, run, input })
    }

    /// Queues a message. A full queue means that the child does not listen; the message is dropped and logged.
    pub(super) fn tell(&self, message: ToExtension) {
        if self.input.try_send(message).is_err() {
            tracing::warn!(pid = self.pid, "an extension does not read its input");
        }
    }

    /// Sends a signal to the child and whatever it started.
    pub(super) fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, signal)) {
            tracing::debug!(%error, pid = self.pid, "the process is gone already");
        }
    }
}

async fn write_messages(stdin: Option<ChildStdin>, mut messages: mpsc::Receiver<ToExtension>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(message) = messages.recv().await {
        let Ok(mut line) = serde_json::to_vec(&message) else { continue };
        line.push(b'\n');
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn watch(
    mut child: Child,
    stdout: Option<ChildStdout>,
    name: String,
    run: u64,
    events: mpsc::Sender<Event>,
) {
    let reader = stdout.map(|stdout| tokio::spawn(read_messages(stdout, name.clone(), run, events.clone())));
    let status = child.wait().await;
    if let Some(mut reader) = reader {
        // Its last words are still in the pipe. A tool it started may hold the pipe open, so not for ever.
        if tokio::time::timeout(LAST_WORDS_WAIT, &mut reader).await.is_err() {
            reader.abort();
        }
    }
    drop(events.send(Event::Ended { name, run, how: describe(status) }).await);
}

async fn read_messages(stdout: ChildStdout, name: String, run: u64, events: mpsc::Sender<Event>) {
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(length) if length > LINE_BYTES_MAX => tracing::warn!(name, length, "line too long, skipped"),
            Ok(_) => match serde_json::from_slice::<FromExtension>(&line) {
                Ok(message) => drop(events.send(Event::Said { name: name.clone(), run, message }).await),
                Err(error) => tracing::warn!(name, %error, "an extension said something else than a message"),
            },
        }
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown end".to_owned(),
        },
        Err(error) => format!("an end that cannot be read ({error})"),
    }
}
