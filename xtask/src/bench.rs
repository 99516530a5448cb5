//! `cargo xtask bench`: starts the real programs and measures them. `bench query` measures the engine alone.

use crate::bench_query;
use crate::command::{cargo, execute, target};
use crate::up;

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
    /// Ingest and detection, on the real programs (the default)
    Ingest(Ingest),
    /// Twenty queries over generated security events, beside DuckDB and chdb on the same files
    Query(bench_query::Options),
}

#[derive(clap::Args)]
struct Ingest {
    /// Measure the optimised build (takes long to build the first time) instead of the one `up` starts
    #[arg(long)]
    release: bool,
    /// Seconds to ingest for
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.what {
        Some(What::Query(options)) => bench_query::run(options),
        Some(What::Ingest(options)) => ingest(options),
        None => ingest(&options.ingest),
    }
}

fn ingest(options: &Ingest) -> anyhow::Result<()> {
    let profile = if options.release { "release" } else { "debug" };
    if options.release {
        execute(cargo(&["build", "--workspace", "--bins", "--release"]))?;
    } else {
        up::build_programs()?;
        execute(cargo(&["build", "-p", "bartizan-testkit", "-p", "features", "--bins"]))?;
    }
    let mut bench = std::process::Command::new(target().join(profile).join("bartizan-bench"));
    bench.arg("--seconds").arg(options.seconds.to_string()).arg("--programs").arg(target().join(profile));
    execute(bench)
}
