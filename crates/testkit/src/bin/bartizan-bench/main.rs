//! `cargo xtask bench ingest`: the real server over real TLS, measured from outside; and the store's own parts alone.
//!
//! Every part prints its figures as they come. `--report` writes them as a page; the bars are those of the design.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod control;
mod events;
mod fleet;
mod latency;
mod load;
mod own_store;
mod peers;
mod policies;
mod process;
mod report;
mod sender;
mod small_batches;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use report::Report;

/// The server's own, for the parts that run the store in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// Seconds of sustained load, and of small batches
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Connections that send at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Rows that are loaded beside other engines, and whose size on disk is measured
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Files in the manifest that a query is planned over
    #[arg(long, default_value_t = 1_000_000)]
    files: usize,
    /// Simulated agents
    #[arg(long, default_value_t = 10_000)]
    agents: usize,
    /// Resources whose policies are evaluated beside the fleet
    #[arg(long, default_value_t = 100_000)]
    resources: usize,
    /// Only these parts, in this order
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// A Python with `duckdb` and `chdb`; without it they are left out, and the page says so
    #[arg(long)]
    python: Option<PathBuf>,
    /// Where a page with the figures is written, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Event to query and to incident, on an idle server
    Latency,
    /// Sustained load with queries
    Load,
    /// Many tables, sources and small batches
    Small,
    /// JSON to Arrow
    Decode,
    /// Size on disk after merging
    Disk,
    /// Planning over a large manifest
    Manifest,
    /// DuckDB and chdb with the same lines
    Peers,
    /// The control plane, on a page of its own; asked for by name only
    Control,
    /// Many agents, on a page of its own; asked for by name only
    Fleet,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let all = [Part::Latency, Part::Load, Part::Small, Part::Decode, Part::Disk, Part::Manifest, Part::Peers];
    let parts = if options.only.is_empty() { &all[..] } else { &options.only };
    let load = process::load();
    let alone = parts.iter().find_map(|part| match part {
        Part::Control => Some(control::PAGE),
        Part::Fleet => Some(fleet::PAGE),
        _ => None,
    });
    anyhow::ensure!(alone.is_none() || parts.len() == 1, "`control` and `fleet` are measured by themselves");
    let mut report = alone.map_or_else(Report::default, Report::titled);
    for part in parts {
        run(*part, &options, &mut report).await?;
    }
    let optimised =
        if cfg!(debug_assertions) { "development build (level 1, with checks)" } else { "release build" };
    let conditions = format!(
        "{optimised}; {}, {} cores, load {load:.1} before the run; {} connections.",
        process::processor(),
        std::thread::available_parallelism().map_or(0, usize::from),
        options.connections,
    );
    println!("{conditions}");
    match &options.report {
        Some(path) => report.write(path, &conditions),
        None => Ok(()),
    }
}

async fn run(part: Part, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    match part {
        Part::Latency => latency::run(report).await.context("latency"),
        Part::Load => load::run(options.seconds, options.connections, report).await.context("load"),
        Part::Small => {
            small_batches::run(options.seconds, options.connections, report).await.context("small")
        }
        Part::Decode => own_store::decode(report).context("decode"),
        Part::Disk => own_store::disk(options.rows, report).await.context("disk"),
        Part::Manifest => own_store::manifest(options.files, report).await.context("manifest"),
        Part::Control => control::run(options.seconds, options.connections, report).await.context("control"),
        Part::Fleet => {
            let Options { agents, seconds, resources, .. } = *options;
            fleet::run(agents, seconds, resources, report).await.context("fleet")
        }
        Part::Peers => match &options.python {
            Some(python) => {
                peers::run(python, options.rows, options.connections, report).await.context("peers")
            }
            None => {
                report.add("DuckDB and chdb with the same lines", "left out: no `--python`", "");
                Ok(())
            }
        },
    }
}
