//! Runs workers one after the other, keeps the inputs they failed on, and counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::inputs::Inputs;
use crate::targets::Target;
use crate::worker::{EXIT_HANG, EXIT_MEMORY, EXIT_PANIC};

/// How to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program whose hidden command `work` is a worker.
    pub program: PathBuf,
    /// For each target.
    pub time: Duration,
    /// For each target; all that the time allows when absent.
    pub inputs: Option<u64>,
    pub seed: u64,
    pub input_time: Duration,
    pub memory_mib: u64,
    /// Failures of one target before it is left alone: what comes after them is mostly the same again.
    pub findings_max: usize,
    /// Folders with more queries.
    pub corpus: Vec<PathBuf>,
    /// Where failing inputs are kept.
    pub out: PathBuf,
}

/// What came of one target.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub inputs: u64,
    pub took: Duration,
    pub findings: Vec<Finding>,
}

/// An input that failed.
#[derive(Clone, Debug)]
pub struct Finding {
    pub number: u64,
    /// `panic`, `hang`, `memory` or how the process died.
    pub kind: String,
    /// The first words of what was printed.
    pub message: String,
    /// Where the input is.
    pub file: PathBuf,
}

/// Fuzzes one target.
///
/// # Errors
/// When a worker cannot be started or a failing input cannot be kept.
pub fn fuzz(target: &Target, plan: &Plan) -> anyhow::Result<Outcome> {
    let inputs = Inputs::new(target.seeds(&plan.corpus)?, plan.seed);
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let progress = folder.path().join("progress");
    let started = Instant::now();
    let until = plan.inputs.unwrap_or(u64::MAX);
    let mut next = 0;
    let mut findings = Vec::new();
    while next < until && started.elapsed() < plan.time && findings.len() < plan.findings_max {
        let left = plan.time.saturating_sub(started.elapsed());
        let output = worker(target, plan, &progress, next, until, left)?;
        next = at_work(&progress).unwrap_or(next);
        if output.status.success() {
            break;
        }
        let kind = match output.status.code() {
            Some(EXIT_PANIC) => "panic".to_owned(),
            Some(EXIT_HANG) => "hang".to_owned(),
            Some(EXIT_MEMORY) => "memory".to_owned(),
            Some(code) if !progress.exists() => bail!(
                "the worker of `{}` did not start (exit code {code}): {}",
                target.name,
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            _ => output.status.to_string(),
        };
        let message = first_words(&String::from_utf8_lossy(&output.stderr));
        let file = keep(target, plan, next, inputs.get(next).bytes())?;
        findings.push(Finding { number: next, kind, message, file });
        next += 1;
    }
    Ok(Outcome { inputs: next, took: started.elapsed(), findings })
}

/// Findings with the same message, once each, and how many there are.
pub fn distinct(findings: &[Finding]) -> Vec<(&Finding, usize)> {
    let mut groups: BTreeMap<(&str, &str), (&Finding, usize)> = BTreeMap::new();
    for finding in findings {
        groups.entry((&finding.kind, &finding.message)).or_insert((finding, 0)).1 += 1;
    }
    groups.into_values().collect()
}

fn worker(
    target: &Target,
    plan: &Plan,
    progress: &Path,
    from: u64,
    until: u64,
    time: Duration,
) -> anyhow::Result<std::process::Output> {
    let mut command = Command::new(&plan.program);
    command.arg("work").arg(target.name);
    let numbers = [
        ("--from", from),
        ("--until", until),
        ("--milliseconds", u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        ("--seed", plan.seed),
        ("--input-seconds", plan.input_time.as_secs()),
        ("--memory-mib", plan.memory_mib),
    ];
    for (name, number) in numbers {
        command.arg(name).arg(number.to_string());
    }
    command.arg("--progress").arg(progress);
    for folder in &plan.corpus {
        command.arg("--corpus").arg(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.output().with_context(|| format!("cannot start `{}`", plan.program.display()))
}

/// The input a worker was at, as it wrote it down.
fn at_work(progress: &Path) -> Option<u64> {
    let bytes = std::fs::read(progress).ok()?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

fn keep(target: &Target, plan: &Plan, number: u64, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = plan.out.join(target.name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let file = folder.join(format!("seed-{}-input-{number}", plan.seed));
    std::fs::write(&file, bytes).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}

/// A panic's place and text, without what differs from input to input; or the first line.
fn first_words(printed: &str) -> String {
    let mut lines = printed.lines().skip_while(|line| line.trim().is_empty());
    let panic = lines.clone().skip_while(|line| !line.contains("panicked at")).take(2);
    let mut text: String = panic
        .map(|line| line.split_once("panicked at ").map_or(line, |(_, place)| place))
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        text = lines.next().unwrap_or_default().to_owned();
    }
    text.chars().take(300).collect()
}
