//! How far a file came: the name of its batches, the state file, and the bar on the terminal.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bartizan_base::BatchId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Names of sources are made in this space.
const SPACE: Uuid = Uuid::from_u128(0x3f0c_7d4e_93c5_4a6b_8a52_6d9f_1b2e_70c4);
const HASH_BUFFER_BYTES: usize = 1 << 20;

/// The state of one file.
#[derive(Debug)]
pub(super) struct Progress {
    source: Uuid,
    path: PathBuf,
    file: PathBuf,
    batches: u64,
}

impl Progress {
    /// The state of `file` on its way `into` a table. Two files with one content are one.
    pub(super) fn open(folder: &Path, file: &Path, into: &str, again: bool) -> anyhow::Result<Self> {
        let name = format!("{}/{into}", hash(file)?);
        let mut source = Uuid::new_v5(&SPACE, name.as_bytes());
        let path = folder.join(format!("{source}.json"));
        let known = read(&path)?;
        let mut rounds = known["rounds"].as_u64().unwrap_or(0);
        let mut batches = known["batches"].as_u64().unwrap_or(0);
        if known["complete"] == true {
            let sent =
                format!("it was sent completely before ({}); --again sends it once more", path.display());
            ensure!(again, sent);
            (rounds, batches) = (rounds + 1, 0);
        }
        if rounds > 0 {
            source = Uuid::new_v5(&source, &rounds.to_be_bytes());
        }
        let progress = Self { source, path, file: file.to_owned(), batches };
        progress.write(batches, rounds, false)?;
        Ok(progress)
    }

    /// Batches that were sent before.
    pub(super) fn batches(&self) -> u64 {
        self.batches
    }

    /// The name of batch `number`, from 1.
    pub(super) fn batch(&self, number: u64) -> BatchId {
        BatchId { source: self.source, seq: number }
    }

    /// Notes that batches up to `number` are stored.
    pub(super) fn note(&mut self, number: u64) -> anyhow::Result<()> {
        self.batches = number;
        let rounds = read(&self.path)?["rounds"].as_u64().unwrap_or(0);
        self.write(number, rounds, false)
    }

    /// Notes that the file is done.
    pub(super) fn complete(&self) -> anyhow::Result<()> {
        let rounds = read(&self.path)?["rounds"].as_u64().unwrap_or(0);
        self.write(self.batches, rounds, true)
    }

    fn write(&self, batches: u64, rounds: u64, complete: bool) -> anyhow::Result<()> {
        let state = json!({
            "file": self.file, "source": self.source, "batches": batches, "rounds": rounds, "complete": complete,
        });
        // A rename replaces the state as a whole: half a state would be none.
        let half = self.path.with_extension("json.new");
        std::fs::write(&half, state.to_string())
            .and_then(|()| std::fs::rename(&half, &self.path))
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

fn read(path: &Path) -> anyhow::Result<Value> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!("`{}` is damaged; delete it to start over (nothing is stored twice)", path.display())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn hash(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).context("cannot open it")?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer).context("cannot read it")?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A bar on the terminal; nothing where there is none.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(file: &Path) -> anyhow::Result<Self> {
        let size = std::fs::metadata(file).context("cannot read its size")?.len();
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes} {msg}");
        let bar = ProgressBar::new(size).with_style(style.context("fixed")?);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self(bar.with_prefix(name)))
    }

    /// Bytes of the file that were read, as far as that is known.
    pub(super) fn at(&self, position: Option<u64>, rows: u64) {
        self.0.set_message(format!("{rows} rows"));
        match position {
            Some(position) => self.0.set_position(position),
            None => self.0.tick(),
        }
    }

    /// A line above the bar, on standard error.
    pub(super) fn say(&self, text: &str) {
        self.0.suspend(|| tracing::warn!("{text}"));
    }

    pub(super) fn done(&self, rows: u64) {
        self.0.finish_with_message(format!("{rows} rows"));
    }
}
