//! Log data: acknowledged rows, durable and queryable at once.
//!
//! A batch is decoded to Arrow ([`decode`]), appended to the write-ahead log and synced (`wal`, `committer`), and
//! then visible in the table's buffer (`buffer`). Buffers are flushed to sorted Parquet files
//! (`flush`) that the manifest names (`manifest`); small files are merged (`compaction`), old ones
//! dropped (`retention`). A large body goes straight to an unsorted file (`loading`, `raw_file`), which a merge sorts
//! later (`raw_merge`). Reading goes through a [`Snapshot`]: files and buffered rows of several
//! tables at one moment. This crate plans no queries and knows no KQL beyond its scalar types.
//!
//! Two facts make rows exist exactly once across a crash: one SQLite transaction adds a flush's files
//! and moves the table's flushed sequence number, below which the log is not replayed; and the same
//! transaction keeps the highest batch number of every source, above which only the log decides. What goes straight to
//! files is in no log; its transaction is the whole of it.

#![forbid(unsafe_code)]

mod append;
mod background;
pub mod backup;
mod buffer;
mod clustering;
mod committer;
mod compaction;
pub mod decode;
mod delta;
pub mod disk;
mod dropping;
mod error;
mod extra_columns;
mod files;
mod flush;
pub mod fuzzing;
mod integrity;
pub mod layout;
mod loading;
mod manifest;
mod manifest_delta;
mod manifest_files;
mod manifest_version;
mod notice;
mod on_disk;
mod options;
mod parquet_file;
mod pressure;
mod purge;
mod raw_file;
mod raw_merge;
mod raw_pages;
mod record;
mod recovery;
mod rejected;
mod retention;
mod segment;
mod shared;
mod snapshot;
mod state;
mod store;
mod tables;
mod text_index;
mod wal;

pub use append::{Ack, AppendTarget, Appended};
pub use decode::is_free;
pub use delta::DeltaOptions;
pub use error::StoreError;
pub use extra_columns::ExtraColumns;
pub use files::Files;
pub use integrity::{Damaged, Fault};
pub use notice::Notice;
pub use options::StoreOptions;
pub use pressure::{ROWS_REFUSED, ROWS_TAKEN};
pub use purge::{Filter, Operator, Purge};
pub use recovery::Recovery;
pub use rejected::Rejected;
pub use retention::Retention;
pub use snapshot::{FileEntry, Snapshot, TableSnapshot, joined_table};
pub use store::Store;
pub use text_index::{BLOCK_ROWS, Blocks, Wanted};
