//! Files as rows.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, anyhow, bail};
use arrow::json::LineDelimitedWriter;
use bartizan_formats::windows::{EventTable, WindowsEvent};
use bartizan_schema::TableRegistry;
use evtx::EvtxParser;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::Fields;

/// Longest line of NDJSON: longer than any row the server takes.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// A JSON array is read as a whole.
const ARRAY_BYTES_MAX: u64 = 256 << 20;
/// Records of an .evtx file that are held at once.
const EVTX_QUEUE: usize = 256;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object per line, or one array of objects.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    Parquet,
    /// A Windows event log.
    Evtx,
}

impl Format {
    /// By the name's ending.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "evtx" => Some(Self::Evtx),
            _ => None,
        }
    }
}

/// A row and its table.
pub(super) struct Row {
    pub(super) table: String,
    pub(super) row: Fields,
}

/// The rows of a file, one after the other; a broken one is an error, and the next one follows.
pub(super) struct Rows {
    rows: Box<dyn Iterator<Item = anyhow::Result<Row>>>,
    position: Option<Arc<AtomicU64>>,
}

impl Rows {
    pub(super) fn open(
        path: &Path,
        format: Format,
        table: Option<&str>,
        tables: &TableRegistry,
    ) -> anyhow::Result<Self> {
        let name = table.unwrap_or_default().to_owned();
        let named = move |row: anyhow::Result<Fields>| row.map(|row| Row { table: name.clone(), row });
        let position = Arc::new(AtomicU64::new(0));
        let open = || File::open(path).context("cannot open it");
        let counted = |position: &Arc<AtomicU64>| {
            anyhow::Ok(BufReader::new(Counted { inner: open()?, read: Arc::clone(position) }))
        };
        let rows: Box<dyn Iterator<Item = anyhow::Result<Row>>> = match format {
            Format::Ndjson => Box::new(json_rows(counted(&position)?)?.map(named)),
            Format::Csv => Box::new(csv_rows(counted(&position)?)?.map(named)),
            Format::Parquet => Box::new(parquet_rows(open()?)?.map(named)),
            Format::Evtx => Box::new(evtx_rows(path, table, tables)?),
        };
        let known = matches!(format, Format::Ndjson | Format::Csv);
        Ok(Self { rows, position: known.then_some(position) })
    }

    /// Bytes of the file that were read, where that is known.
    pub(super) fn position(&self) -> Option<u64> {
        self.position.as_ref().map(|position| position.load(Ordering::Relaxed))
    }
}

impl Iterator for Rows {
    type Item = anyhow::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

/// Counts what is read.
struct Counted {
    inner: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

fn json_rows(
    mut reader: BufReader<Counted>,
) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Fields>>>> {
    // A mark at the beginning that some editors write is no part of the text.
    if reader.fill_buf().context("cannot read it")?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let first = reader.fill_buf().context("cannot read it")?.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let mut text = Vec::new();
        reader.take(ARRAY_BYTES_MAX + 1).read_to_end(&mut text).context("cannot read it")?;
        if text.len() as u64 > ARRAY_BYTES_MAX {
            bail!("a JSON array may have {} MiB; write one object per line instead", ARRAY_BYTES_MAX >> 20);
        }
        let rows: Vec<Value> = serde_json::from_slice(&text).context("it is no JSON array")?;
        return Ok(Box::new(rows.into_iter().enumerate().map(|(at, row)| match row {
            Value::Object(row) => Ok(row),
            _ => Err(anyhow!("element {} is no object", at + 1)),
        })));
    }
    let mut number = 0_u64;
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || -> Option<anyhow::Result<Fields>> {
        while !ended {
            let mut line = Vec::new();
            number += 1;
            match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(0) => ended = true,
                Ok(length) if length as u64 == LINE_BYTES_MAX => {
                    ended = true;
                    return Some(Err(anyhow!(
                        "line {number} is longer than {} MiB; the rest is not read",
                        LINE_BYTES_MAX >> 20
                    )));
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => {
                    return Some(
                        serde_json::from_slice(&line)
                            .with_context(|| format!("line {number} is no JSON object")),
                    );
                }
                Err(error) => {
                    ended = true;
                    return Some(Err(error).with_context(|| format!("cannot read line {number}")));
                }
            }
        }
        None
    })))
}

fn csv_rows(reader: BufReader<Counted>) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Fields>>> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(reader);
    let names: Vec<String> =
        reader.headers().context("it has no header")?.iter().map(|name| name.trim().to_owned()).collect();
    if let Some(at) = names.iter().position(String::is_empty) {
        bail!("column {} of the header has no name", at + 1);
    }
    Ok(reader.into_records().map(move |record| -> anyhow::Result<Fields> {
        let record = record.context("a record cannot be read")?;
        // The server converts text to the column's type; empty is no value.
        let cells = names.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        Ok(cells.map(|(name, cell)| (name.clone(), Value::from(cell))).collect())
    }))
}

fn parquet_rows(file: File) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Fields>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).context("it is no Parquet file")?;
    let reader = reader.with_batch_size(1024).build().context("it cannot be read")?;
    Ok(reader.flat_map(|batch| {
        let rows = batch.map_err(anyhow::Error::from).and_then(|batch| {
            let mut writer = LineDelimitedWriter::new(Vec::new());
            writer.write(&batch)?;
            writer.finish()?;
            Ok(writer.into_inner())
        });
        let lines: Vec<anyhow::Result<Fields>> = match rows {
            Ok(text) => text
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).context("a row is no JSON"))
                .collect(),
            Err(error) => vec![Err(error.context("a part of it cannot be read"))],
        };
        lines
    }))
}

/// Events, parsed on a thread of their own because the parser lends its records out.
fn evtx_rows(
    path: &Path,
    table: Option<&str>,
    tables: &TableRegistry,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Row>> + use<>> {
    let shapes = [EventTable::SecurityEvent, EventTable::Event, EventTable::WindowsEvent];
    let forced =
        table.and_then(|table| shapes.into_iter().find(|shape| shape.name().eq_ignore_ascii_case(table)));
    let custom = table.filter(|_| forced.is_none()).map(str::to_owned);
    let tables = tables.clone();
    let mut parser = EvtxParser::from_path(path).context("it is no .evtx file")?;
    let (sender, receiver) = std::sync::mpsc::sync_channel(EVTX_QUEUE);
    std::thread::Builder::new()
        .name("evtx".to_owned())
        .spawn(move || {
            for record in parser.records_json_value() {
                let record = record.map(|record| record.data).context("a record cannot be read");
                if sender.send(record).is_err() {
                    break;
                }
            }
        })
        .context("cannot start a thread")?;
    Ok(receiver.into_iter().map(move |record: anyhow::Result<Value>| -> anyhow::Result<Row> {
        let event = WindowsEvent::of_evtx(&record?).context("a record is no event")?;
        let shape = forced.unwrap_or(if custom.is_some() { EventTable::WindowsEvent } else { event.table() });
        let declared = tables.get(shape.name());
        let has = |column: &str| declared.is_none_or(|table| table.column(column).is_some());
        let name = custom.clone().unwrap_or_else(|| shape.name().to_owned());
        Ok(Row { table: name, row: event.row_of(shape, has) })
    }))
}
