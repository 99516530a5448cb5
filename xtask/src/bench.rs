//! `cargo xtask bench`: starts the real programs and measures them.

use crate::command::{cargo, execute, target};
use crate::up;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure the optimised build (takes long to build the first time) instead of the one `up` starts
    #[arg(long)]
    release: bool,
    /// Seconds to ingest for
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
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
