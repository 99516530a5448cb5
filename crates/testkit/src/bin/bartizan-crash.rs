//! `cargo xtask crash`: the real server, killed at random points for as long as one likes.

#![expect(clippy::print_stdout, reason = "prints what it found")]

use std::time::Duration;

use bartizan_testkit::real::crash::{self, Outcome};
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Seconds to go on for
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same seed kills at the same moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let outcome = crash::run(folder.path(), Duration::from_secs(options.seconds), options.seed).await?;
    let Outcome { kills, rows, repeats, queries } = outcome;
    println!(
        "seed {}: {kills} kills; {rows} rows acknowledged, each stored once; {repeats} batches sent again; {queries} \
         queries answered",
        options.seed
    );
    Ok(())
}
