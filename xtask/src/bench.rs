//! `cargo xtask bench`: starts the real programs and measures them. `bench query` measures the engine alone.

use std::path::PathBuf;

use crate::bench_query;
use crate::command::{cargo, execute, target};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    ingest: Ingest,
}

#[derive(clap::Subcommand)]
enum What {
    /// Ingest on the real programs, and the store's parts, beside DuckDB and chdb (the default)
    Ingest(Ingest),
    /// The control plane with 100,000 resources: start, reads, writes, Resource Graph
    Control(Control),
    /// Many simulated agents in one process: from plan on to all compliant, and the steady state after it
    Fleet(Fleet),
    /// Twenty queries over generated security events, beside DuckDB and chdb on the same files
    Query(bench_query::Options),
}

#[derive(clap::Args)]
struct Ingest {
    /// Measure the build that `up` starts instead of the optimised one, which takes half an hour the first time
    #[arg(long)]
    dev: bool,
    /// Seconds of sustained load; the bar is for 600
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Connections that send at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Rows that are loaded beside DuckDB and chdb, and whose size on disk is measured
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Files in the manifest that a query is planned over
    #[arg(long, default_value_t = 1_000_000)]
    files: usize,
    /// Only these parts: latency, load, small, decode, disk, manifest, peers
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where a page with the figures is written, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Control {
    /// Measure the build that `up` starts instead of the optimised one
    #[arg(long)]
    dev: bool,
    /// Seconds of reads, and of writes
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Connections that ask at the same time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Where a page with the figures is written, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Fleet {
    /// Measure the build that `up` starts instead of the optimised one
    #[arg(long)]
    dev: bool,
    /// Simulated agents
    #[arg(long, default_value_t = 10_000)]
    agents: usize,
    /// Resources whose policies are evaluated after it; none leaves that part out, as no agents do the other
    #[arg(long, default_value_t = 100_000)]
    resources: usize,
    /// Seconds of steady state
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Where a page with the figures is written, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.what {
        Some(What::Query(options)) => bench_query::run(options),
        Some(What::Control(options)) => control(options),
        Some(What::Fleet(options)) => fleet(options),
        Some(What::Ingest(options)) => ingest(options),
        None => ingest(&options.ingest),
    }
}

/// Builds the programs, and gives the one that measures.
fn built(dev: bool) -> anyhow::Result<std::process::Command> {
    // A server hands out its agent, also to nobody.
    let packages = [
        "-p",
        "bartizan-agent",
        "-p",
        "bartizan-server",
        "-p",
        "bartizan-testkit",
        "-p",
        "features",
        "--bins",
    ];
    let (profile, optimised) = if dev { ("debug", &[][..]) } else { ("release", &["--release"][..]) };
    execute(cargo(&[&["build"][..], &packages, optimised].concat()))?;
    Ok(std::process::Command::new(target().join(profile).join("bartizan-bench")))
}

fn control(options: &Control) -> anyhow::Result<()> {
    let mut bench = built(options.dev)?;
    bench.args(["--only", "control", "--seconds"]).arg(options.seconds.to_string());
    bench.arg("--connections").arg(options.connections.to_string());
    if let Some(report) = &options.report {
        bench.arg("--report").arg(report);
    }
    execute(bench)
}

fn fleet(options: &Fleet) -> anyhow::Result<()> {
    let mut bench = built(options.dev)?;
    bench.args(["--only", "fleet", "--seconds"]).arg(options.seconds.to_string());
    bench.arg("--agents").arg(options.agents.to_string());
    bench.arg("--resources").arg(options.resources.to_string());
    if let Some(report) = &options.report {
        bench.arg("--report").arg(report);
    }
    execute(bench)
}

fn ingest(options: &Ingest) -> anyhow::Result<()> {
    let mut bench = built(options.dev)?;
    for (name, value) in
        [("--seconds", u64::from(options.seconds)), ("--connections", options.connections as u64)]
    {
        bench.arg(name).arg(value.to_string());
    }
    bench.arg("--rows").arg(options.rows.to_string()).arg("--files").arg(options.files.to_string());
    if options.only.is_empty() || options.only.iter().any(|part| part == "peers") {
        bench.arg("--python").arg(bench_query::peers()?);
    }
    if !options.only.is_empty() {
        bench.arg("--only").arg(options.only.join(","));
    }
    if let Some(report) = &options.report {
        bench.arg("--report").arg(report);
    }
    execute(bench)
}
