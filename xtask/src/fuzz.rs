//! `cargo xtask fuzz [TARGET…]`: random input for our parsers, the binder, the planner and the engine.

use std::path::PathBuf;

use crate::command::{cargo, execute, root, target};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// All of them when none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The same seed gives the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder with more queries (corpus.jsonl, documented_examples.jsonl); `shared/kql` beside the
    /// repository when that is there
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Where failing inputs are kept; `fuzz` in the target folder when absent
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    execute(cargo(&["build", "-p", "bartizan-fuzz", "-p", "features", "--bins"]))?;
    let mut fuzz = std::process::Command::new(target().join("debug/bartizan-fuzz"));
    fuzz.arg("run").args(&options.targets);
    fuzz.arg("--seconds").arg(options.seconds.to_string());
    fuzz.arg("--seed").arg(options.seed.to_string());
    fuzz.arg("--out").arg(options.out.clone().unwrap_or_else(|| target().join("fuzz")));
    let beside = root().join("../shared/kql");
    if let Some(corpus) = options.corpus.clone().or_else(|| beside.exists().then_some(beside)) {
        fuzz.arg("--corpus").arg(corpus);
    }
    execute(fuzz)
}
