//! `bartizan-conformance FOLDER`: prints how our KQL compares with the reference's. `cargo xtask conformance` builds
//! and runs it.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its user on stdout")]

use std::path::PathBuf;
use std::process::ExitCode;

use bartizan_conformance::{Folder, Selection, check_folder};
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Holds corpus.jsonl, schema.json and documented_examples.jsonl
    folder: PathBuf,
    /// Write the report as JSON
    #[arg(long)]
    report: Option<PathBuf>,
    /// Only `corpus`, `documented` or `naming`, or the query with this id
    #[arg(long)]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let folder = Folder::read(&options.folder)?;
    let report = check_folder(&folder, &Selection { only: options.only }).await?;
    print!("{report}");
    if let Some(path) = &options.report {
        report.write(path)?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
