//! The manifest's files, read at open. There may be a million, so that SQLite hands them over thousands at a time,
//! as one text: a row of its own each would cost ten times as much to hand over as to find.

use std::str::FromStr;
use std::sync::Arc;

use bartizan_base::WorkspaceId;
use sqlx::{Row, SqlitePool};
use uuid::Uuid;

use crate::error::StoreError;
use crate::manifest::{FileRow, IndexPlace, Manifest, TableKey};
use crate::on_disk::TableFiles;
use crate::options::StoreOptions;
use crate::state::file_entry;

/// Files that are handed over together: about a megabyte.
pub(crate) const FILES_AT_ONCE: i64 = 4096;
/// Between two values of a file, and between two files: control characters, which no name has.
pub(crate) const UNIT: char = '\u{1f}';
pub(crate) const RECORD: char = '\u{1e}';

/// The next files of those with ids above `?1` and up to `?2`, and the last one's id.
const PAGE: &str = "
SELECT max(id), group_concat(line, char(30)) FROM (
    SELECT id, concat_ws(char(31), hex(workspace), table_name, sorted_by, id, path, day, size_bytes, rows,
                         time_min, time_max, seq_min, seq_max, ifnull(received, time_max), ifnull(crc, '-'),
                         ifnull(index_at, '-'), ifnull(index_len, '-')) AS line
    FROM store_files WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3)";

/// All files, with their tables, in the order they were added.
pub(crate) async fn load(manifest: &Manifest, options: &StoreOptions) -> Result<TableFiles, StoreError> {
    let pool = manifest.pool();
    let ends = sqlx::query("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM store_files");
    let ends = ends.fetch_one(pool).await?;
    let (first, last): (i64, i64) = (ends.try_get(0)?, ends.try_get(1)?);
    // Two connections, because most of the time goes into SQLite.
    let middle = first + (last - first) / 2;
    let (older, newer) =
        tokio::join!(between(pool, options, first - 1, middle), between(pool, options, middle, last));
    let (mut files, newer) = (older?, newer?);
    files.extend(newer);
    Ok(files)
}

/// The files with ids above `after` and up to `last`.
async fn between(
    pool: &SqlitePool,
    options: &StoreOptions,
    mut after: i64,
    last: i64,
) -> Result<TableFiles, StoreError> {
    let mut files = Vec::new();
    let mut shared = Shared::default();
    while after < last {
        let page = sqlx::query(PAGE).bind(after).bind(last).bind(FILES_AT_ONCE).fetch_one(pool).await?;
        let Some(highest) = page.try_get::<Option<i64>, _>(0)? else { break };
        let lines: &str = page.try_get(1)?;
        for line in lines.split(RECORD) {
            let (key, row) = shared.read(line).ok_or_else(|| unreadable(line))?;
            files.push((key, file_entry(&options.dir, row, &options.disk)));
        }
        after = highest;
    }
    Ok(files)
}

/// Says which file it was.
pub(crate) fn unreadable(line: &str) -> StoreError {
    let shown: Vec<&str> = line.split(UNIT).take(5).collect();
    let shown: String = shown.join(", ").chars().take(200).collect();
    StoreError::Manifest(sqlx::Error::Decode(format!("the manifest's file ({shown}) cannot be read").into()))
}

/// What neighbours have in common, kept once.
#[derive(Default)]
struct Shared {
    key: Option<(String, String, TableKey)>,
    sorted_by: Option<(String, Arc<[String]>)>,
}

impl Shared {
    fn read(&mut self, line: &str) -> Option<(TableKey, FileRow)> {
        let mut values = line.split(UNIT);
        let key = self.key(values.next()?, values.next()?)?;
        let sorted_by = self.sorted_by(values.next()?);
        let row = FileRow {
            sorted_by,
            id: number(values.next()?)?,
            path: values.next()?.to_owned(),
            day: number(values.next()?)?,
            size_bytes: number(values.next()?)?,
            rows: number(values.next()?)?,
            time_min: number(values.next()?)?,
            time_max: number(values.next()?)?,
            seq_min: number(values.next()?)?,
            seq_max: number(values.next()?)?,
            received: number(values.next()?)?,
            crc: optional(values.next()?)?,
            index: optional(values.next()?)?
                .zip(optional(values.next()?)?)
                .map(|(offset, len)| IndexPlace { offset, len }),
        };
        Some((key, row))
    }

    fn key(&mut self, workspace: &str, table: &str) -> Option<TableKey> {
        match &self.key {
            Some((of, name, key)) if of == workspace && name == table => Some(key.clone()),
            _ => {
                let id = WorkspaceId(Uuid::try_parse(workspace).ok()?);
                let key: TableKey = (id, Arc::from(table));
                self.key = Some((workspace.to_owned(), table.to_owned(), key.clone()));
                Some(key)
            }
        }
    }

    fn sorted_by(&mut self, names: &str) -> Arc<[String]> {
        match &self.sorted_by {
            Some((text, columns)) if text == names => Arc::clone(columns),
            _ => {
                let columns = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
                let columns: Arc<[String]> = columns.collect();
                self.sorted_by = Some((names.to_owned(), Arc::clone(&columns)));
                columns
            }
        }
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// `-` is none.
fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    match text {
        "-" => Some(None),
        text => number(text).map(Some),
    }
}
