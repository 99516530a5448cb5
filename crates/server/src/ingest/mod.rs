//! `bartizan ingest`: rows of files into a running server, each exactly once.
//!
//! A file is cut into batches that depend on its content alone, and each batch carries a number under a name made
//! from that content: whatever is interrupted, the server recognises what it has. A small state file says how far
//! a file came, so that the next run does not send everything again only to be told so.

mod connection;
mod progress;
mod rows;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bartizan_schema::TableRegistry;
use clap::Args;
use serde_json::{Map, Value, json};

use connection::Connection;
use progress::{Bar, Progress};
use rows::{Format, Row, Rows};

/// Rows and bytes of one batch.
const BATCH_ROWS_MAX: usize = 5_000;
const BATCH_BYTES_MAX: usize = 900_000;
/// Broken rows that are shown one by one.
const SHOWN_MAX: u64 = 5;

/// Send the rows of files to a running server.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// NDJSON (or a JSON array), CSV with a header, Parquet, or Windows .evtx files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The table; may be left out for .evtx files, whose channel says it.
    #[arg(long)]
    table: Option<String>,
    /// The immutable id of the data collection rule to send through; the default rule when absent.
    #[arg(long, value_name = "DCR")]
    rule: Option<String>,
    /// The stream of the rule; the table's own when absent.
    #[arg(long)]
    stream: Option<String>,
    /// What the files are, when their names do not say it.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where it is noted how far each file came.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Send files again that were sent completely before. Their rows are then in the table twice.
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    connection: connection::Arguments,
}

/// What became of one file.
#[derive(Debug, Default)]
struct Sent {
    rows: u64,
    malformed: u64,
    batches: u64,
    /// Batches that an earlier run had sent.
    resumed: u64,
}

/// Runs the command; gives the summary lines.
pub(crate) async fn run(arguments: Ingest) -> anyhow::Result<Vec<String>> {
    let state = state_folder(arguments.state.clone())?;
    let mut connection = Connection::open(&arguments.connection, arguments.rule.as_deref()).await?;
    let tables = TableRegistry::shipped().context("cannot read the table declarations")?;
    let mut summaries = Vec::new();
    for file in &arguments.files {
        let sent = send_file(&arguments, file, &state, &mut connection, &tables)
            .await
            .with_context(|| format!("cannot ingest `{}`", file.display()))?;
        summaries.push(
            json!({
                "file": file, "rows": sent.rows, "malformed": sent.malformed, "batches": sent.batches,
                "resumedAfterBatches": sent.resumed,
            })
            .to_string(),
        );
    }
    Ok(summaries)
}

async fn send_file(
    arguments: &Ingest,
    file: &Path,
    state: &Path,
    connection: &mut Connection,
    tables: &TableRegistry,
) -> anyhow::Result<Sent> {
    let format = match arguments.format {
        Some(format) => format,
        None => Format::of(file).context("its name does not say what it is; use --format")?,
    };
    if arguments.table.is_none() && arguments.stream.is_none() && format != Format::Evtx {
        bail!("--table is missing: it is left out for .evtx files only");
    }
    let into = [arguments.table.as_deref(), arguments.stream.as_deref(), arguments.rule.as_deref()];
    let into = into.map(Option::unwrap_or_default).join("/");
    let mut progress = Progress::open(state, file, &into, arguments.again)?;
    let mut sent = Sent { resumed: progress.batches(), ..Sent::default() };
    let bar = Bar::new(file)?;
    let mut rows = Rows::open(file, format, arguments.table.as_deref(), tables)?;
    let mut batch: Option<Batch> = None;
    loop {
        match rows.next() {
            None => break,
            Some(Err(error)) => {
                sent.malformed += 1;
                if sent.malformed <= SHOWN_MAX {
                    bar.say(&format!("{}: {error:#}", file.display()));
                }
            }
            Some(Ok(Row { table, row })) => {
                let text = Value::Object(row).to_string();
                let full = batch.as_ref().is_some_and(|batch| !batch.takes(&table, text.len()));
                if full && let Some(batch) = batch.take() {
                    sent.take(arguments, connection, &mut progress, batch).await?;
                    bar.at(rows.position(), sent.rows);
                }
                batch.get_or_insert_with(|| Batch { table, rows: 0, body: String::new() }).add(&text);
            }
        }
    }
    if let Some(batch) = batch.take() {
        sent.take(arguments, connection, &mut progress, batch).await?;
    }
    progress.complete()?;
    bar.done(sent.rows);
    Ok(sent)
}

/// Rows of one table that are sent together, as lines.
struct Batch {
    table: String,
    rows: usize,
    body: String,
}

impl Batch {
    fn takes(&self, table: &str, bytes: usize) -> bool {
        self.table == table && self.rows < BATCH_ROWS_MAX && self.body.len() + bytes < BATCH_BYTES_MAX
    }

    fn add(&mut self, row: &str) {
        self.rows += 1;
        self.body.push_str(row);
        self.body.push('\n');
    }
}

impl Sent {
    async fn take(
        &mut self,
        arguments: &Ingest,
        connection: &mut Connection,
        progress: &mut Progress,
        batch: Batch,
    ) -> anyhow::Result<()> {
        self.batches += 1;
        self.rows += batch.rows as u64;
        if self.batches <= self.resumed {
            return Ok(());
        }
        let stream = match &arguments.stream {
            Some(stream) => stream.clone(),
            None if batch.table.ends_with("_CL") => format!("Custom-{}", batch.table),
            None => format!("Microsoft-{}", batch.table),
        };
        connection.send(&stream, progress.batch(self.batches), batch.body).await?;
        progress.note(self.batches)
    }
}

/// `$XDG_STATE_HOME/bartizan/ingest`, or the same below the home folder.
fn state_folder(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = given
        .or_else(|| of("XDG_STATE_HOME").map(|state| state.join("bartizan/ingest")))
        .or_else(|| of("HOME").map(|home| home.join(".local/state/bartizan/ingest")))
        .context("there is no HOME to keep the state in; name a folder with --state")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

/// A row as it is sent.
type Fields = Map<String, Value>;
