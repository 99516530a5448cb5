//! `cargo xtask conformance FOLDER`: compares our KQL with the reference's on a folder of queries and answers.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::command::{cargo, execute, target};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Holds corpus.jsonl, schema.json and documented_examples.jsonl
    folder: PathBuf,
    /// Write the report as JSON
    #[arg(long)]
    report: Option<PathBuf>,
    /// Only `corpus`, `documented` or `naming`, or the query with this id
    #[arg(long)]
    only: Option<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = std::path::absolute(&options.folder)
        .with_context(|| format!("cannot find the folder `{}`", options.folder.display()))?;
    execute(cargo(&["build", "-p", "bartizan-conformance", "-p", "features", "--bins"]))?;
    let mut check = std::process::Command::new(target().join("debug/bartizan-conformance"));
    check.arg(folder);
    if let Some(report) = &options.report {
        check.arg("--report").arg(report);
    }
    if let Some(only) = &options.only {
        check.arg("--only").arg(only);
    }
    execute(check)
}
