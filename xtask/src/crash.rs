//! `cargo xtask crash`: the server killed at random points while rows come in; then the rows are counted.

use crate::command::{cargo, execute, target};
use crate::up;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds to go on for; an hour is a good test of a release
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same seed kills at the same moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    up::build_programs()?;
    execute(cargo(&["build", "-p", "bartizan-testkit", "-p", "features", "--bins"]))?;
    let mut crash = std::process::Command::new(target().join("debug/bartizan-crash"));
    crash.arg("--seconds").arg(options.seconds.to_string()).arg("--seed").arg(options.seed.to_string());
    execute(crash)
}
