//! `cargo xtask bench query`: our queries beside DuckDB's and ClickHouse's, on the same files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::{capture, cargo, command, execute, root, target};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Events to generate
    #[arg(long, default_value_t = 20_000_000)]
    rows: usize,
    /// Only queries whose name has this
    #[arg(long, default_value = "")]
    only: String,
    /// Where a page with the table is written, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
    /// Where the events are; generated when the folder does not exist
    #[arg(long)]
    data: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let program = build()?;
    let python = peers()?;
    let data =
        options.data.clone().unwrap_or_else(|| target().join(format!("bench-events-{}", options.rows)));
    if !data.exists() {
        println!("generating {} events in {}", options.rows, data.display());
        generate(&program, &data, options.rows)?;
    }
    let mut compare = std::process::Command::new(python);
    compare.arg(root().join("crates/engine/benches/peers/compare.py")).arg(program).arg(&data);
    compare.arg("--only").arg(&options.only);
    if let Some(report) = &options.report {
        compare.arg("--report").arg(report);
    }
    execute(compare)
}

/// Builds the program, optimised, and says where it is.
fn build() -> anyhow::Result<PathBuf> {
    let arguments = ["bench", "-p", "bartizan-engine", "-p", "features", "--bench", "peers", "--no-run"];
    // first with its progress to be seen: an optimised build takes half an hour on two cores
    execute(cargo(&arguments))?;
    let printed = capture(cargo(&[&arguments[..], &["--message-format", "json"]].concat()))?;
    let made =
        printed.lines().filter(|line| line.contains("\"compiler-artifact\"") && line.contains("\"peers\""));
    let path = made.filter_map(|line| line.split("\"executable\":\"").nth(1)?.split('"').next()).next_back();
    path.map(PathBuf::from).context("cargo did not say where the benchmark `peers` is")
}

/// A Python with the engines to compare with, made on first use.
pub(crate) fn peers() -> anyhow::Result<PathBuf> {
    let folder = target().join("bench-python");
    let python = folder.join("bin/python");
    if !python.exists() {
        println!("installing DuckDB and chdb from the Python package index into {}", folder.display());
        execute(command("python3", &["-m", "venv", &folder.to_string_lossy()]))?;
        execute(command(&python.to_string_lossy(), &["-m", "pip", "install", "--quiet", "duckdb", "chdb"]))
            .context("the engines to compare with come from the Python package index")?;
    }
    Ok(python)
}

/// Into a folder that gets its name only when it is complete.
fn generate(program: &Path, data: &Path, rows: usize) -> anyhow::Result<()> {
    let partial = data.with_extension("partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial)
            .with_context(|| format!("cannot remove `{}`", partial.display()))?;
    }
    let mut generate = std::process::Command::new(program);
    generate.arg("generate").arg(&partial).arg(rows.to_string());
    execute(generate)?;
    std::fs::rename(&partial, data).with_context(|| format!("cannot name `{}`", data.display()))
}
