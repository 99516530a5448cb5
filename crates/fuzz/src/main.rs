//! `bartizan-fuzz [TARGET…]`: random input for our parsers. `cargo xtask fuzz` builds and runs it.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its user on stdout")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bartizan_fuzz::driver::{self, Plan};
use bartizan_fuzz::inputs::{Input, Inputs};
use bartizan_fuzz::targets::{TARGETS, Target};
use bartizan_fuzz::worker::{self, Work};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bartizan-fuzz", about = "Random input for Bartizan's parsers, its binder and its engine")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Feed targets and keep what fails
    Run(RunOptions),
    /// Feed one input once more
    Replay {
        target: String,
        /// The input, as it was kept
        file: PathBuf,
    },
    /// What there is to fuzz
    List,
    /// One process that feeds one target
    #[command(hide = true)]
    Work(WorkOptions),
}

#[derive(Args)]
struct RunOptions {
    /// All of them when none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Inputs for each target; as many as the time allows when absent
    #[arg(long)]
    inputs: Option<u64>,
    /// Failures after which a target is left alone
    #[arg(long, default_value_t = 100)]
    findings: usize,
    #[command(flatten)]
    common: Common,
    /// Where failing inputs are kept
    #[arg(long, default_value = "target/fuzz")]
    out: PathBuf,
}

#[derive(Args)]
struct Common {
    /// The same seed gives the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that one input may take
    #[arg(long, default_value_t = 5)]
    input_seconds: u64,
    /// Memory that the process may have
    #[arg(long, default_value_t = 2048)]
    memory_mib: u64,
    /// A folder with more queries (corpus.jsonl, documented_examples.jsonl)
    #[arg(long)]
    corpus: Vec<PathBuf>,
}

#[derive(Args)]
struct WorkOptions {
    target: String,
    #[arg(long)]
    from: u64,
    #[arg(long)]
    until: u64,
    #[arg(long)]
    milliseconds: u64,
    #[arg(long)]
    progress: PathBuf,
    #[command(flatten)]
    common: Common,
}

fn main() -> anyhow::Result<ExitCode> {
    match Options::parse().command {
        Command::Run(options) => run(options),
        Command::Replay { target, file } => {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
            find(&target)?.run(&Input::Bytes(bytes));
            println!("`{target}` holds for `{}`", file.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::List => {
            for target in TARGETS {
                println!("{:<14} {}", target.name, target.holds);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Work(options) => {
            let target = find(&options.target)?;
            let inputs = Inputs::new(target.seeds(&options.common.corpus)?, options.common.seed);
            let work = Work {
                from: options.from,
                until: options.until,
                time: Duration::from_millis(options.milliseconds),
                input_time: Duration::from_secs(options.common.input_seconds),
                memory_bytes: options.common.memory_mib << 20,
                progress: options.progress,
            };
            worker::run(target, &inputs, &work)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(options: RunOptions) -> anyhow::Result<ExitCode> {
    let targets: Vec<&Target> = match options.targets.as_slice() {
        [] => TARGETS.iter().collect(),
        names => names.iter().map(|name| find(name)).collect::<anyhow::Result<_>>()?,
    };
    let plan = Plan {
        program: std::env::current_exe().context("cannot find this program")?,
        time: Duration::from_secs(options.seconds),
        inputs: options.inputs,
        seed: options.common.seed,
        input_time: Duration::from_secs(options.common.input_seconds),
        memory_mib: options.common.memory_mib,
        findings_max: options.findings,
        corpus: options.common.corpus,
        out: options.out,
    };
    let mut clean = true;
    for target in targets {
        let outcome = driver::fuzz(target, &plan)?;
        let seconds = outcome.took.as_secs_f64().max(0.001);
        println!(
            "{}: {} inputs in {seconds:.1} s, {:.0} a second, {} failed",
            target.name,
            outcome.inputs,
            outcome.inputs as f64 / seconds,
            outcome.findings.len()
        );
        for (finding, count) in driver::distinct(&outcome.findings) {
            clean = false;
            println!("  {} ({count} times): {}", finding.kind, finding.message);
            println!("    bartizan-fuzz replay {} {}", target.name, finding.file.display());
        }
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(name: &str) -> anyhow::Result<&'static Target> {
    Target::named(name).with_context(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no target `{name}`; there are {}", names.join(", "))
    })
}
