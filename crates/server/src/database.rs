//! Where a data folder's records are: in its own file, or on the PostgreSQL that `database.url` in it names.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use bartizan_base::{Clock, SystemClock};
use bartizan_records::{PostgresUrl, Records};
use clap::{Args, Subcommand};

use crate::cli::print_line;
use crate::lock::DataLock;

/// The file in the data folder that holds the address, with its password.
const URL_FILE: &str = "database.url";
/// The state that says which tenant's records these are (see `control::boot`).
const HOME_STATE: &str = "home";

/// Where the control plane's records are kept.
#[derive(Debug, Subcommand)]
pub(crate) enum Database {
    /// Move the records to PostgreSQL. The server must be stopped.
    Move(Move),
    /// Move the records from PostgreSQL back into the data folder. The server must be stopped.
    Back(Back),
}

#[derive(Debug, Args)]
pub(crate) struct Move {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// A file, readable by its owner only, that holds `postgres://user:password@host/database`; the database exists
    /// and is empty.
    #[arg(long = "to-url-in", value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Back {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
}

/// Opens the records of a data folder, which a running server may have open too.
///
/// # Errors
/// When the folder or the database cannot be made or opened.
pub async fn open_records(data: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Records> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make `{}`", data.display()))?;
    let path = data.join("control.db");
    let setting = data.join(URL_FILE);
    if setting.exists() {
        let url = PostgresUrl::read(&setting)?;
        let opened = Records::open_postgres(&path, &url, clock).await;
        return opened.with_context(|| format!("cannot open the records on `{}`", url.shown()));
    }
    Records::open(&path, clock).await.with_context(|| format!("cannot open `{}`", path.display()))
}

pub(crate) async fn run(command: Database) -> anyhow::Result<()> {
    match command {
        Database::Move(Move { data, to }) => move_to(&data, &PostgresUrl::read(&to)?).await,
        Database::Back(Back { data }) => move_back(&data).await,
    }
}

async fn move_to(data: &Path, url: &PostgresUrl) -> anyhow::Result<()> {
    let (path, setting) = (data.join("control.db"), data.join(URL_FILE));
    ensure!(path.is_file(), "there is no server's data in `{}`: nothing to move", data.display());
    ensure!(!setting.exists(), "the records of `{}` are on PostgreSQL already", data.display());
    let _lock = DataLock::take(data)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let here = Records::open(&path, Arc::clone(&clock)).await.context("cannot open the records")?;
    let there = Records::open_postgres(&path, url, clock)
        .await
        .with_context(|| format!("cannot open a database on `{}`", url.shown()))?;
    // A move that was interrupted may be run again: its own records are there then.
    if !there.is_empty().await? && tenant(&there).await? != tenant(&here).await? {
        bail!("`{}` holds the records of another tenant: name an empty database", url.shown());
    }
    let rows = here.copy_to(&there).await.context("cannot copy the records; they are unchanged")?;
    keep_url(&setting, url)?;
    here.clear().await.context("the records are moved, but their copy in the data folder is still there")?;
    there.close().await;
    here.close().await;
    print_line(&format!("{rows} records moved to `{}`", url.shown()))
}

async fn move_back(data: &Path) -> anyhow::Result<()> {
    let setting = data.join(URL_FILE);
    ensure!(setting.exists(), "the records of `{}` are not on PostgreSQL", data.display());
    let _lock = DataLock::take(data)?;
    let there = open_records(data, Arc::new(SystemClock)).await?;
    let here = Records::open(&data.join("control.db"), Arc::new(SystemClock)).await?;
    let rows = there.copy_to(&here).await.context("cannot copy the records; they are unchanged")?;
    std::fs::remove_file(&setting).with_context(|| format!("cannot remove `{}`", setting.display()))?;
    there.close().await;
    here.close().await;
    print_line(&format!(
        "{rows} records moved into `{}`; those on PostgreSQL are left as they were",
        data.display()
    ))
}

async fn tenant(records: &Records) -> anyhow::Result<Option<serde_json::Value>> {
    Ok(records.get_state(HOME_STATE).await?.and_then(|home| home.get("tenant").cloned()))
}

/// The address becomes the setting in one step, so that no half of it is ever read.
fn keep_url(setting: &Path, url: &PostgresUrl) -> anyhow::Result<()> {
    let draft = setting.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(url.with_secrets().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, setting)
    };
    write().with_context(|| format!("cannot write `{}`", setting.display()))
}
