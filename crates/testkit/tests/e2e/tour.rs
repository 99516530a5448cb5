//! The tour of `docs/operating/onboarding.md`: its commands run as they stand there, in one shell, with the real programs.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use bartizan_testkit::real::programs::{free_port, is_root, program, repository};

/// Printed between two steps, to tell whose output is whose.
const MARK: &str = "---- end of step";
/// The address of the page; the test takes a free port in its place.
const PORT: &str = "9443";

/// Commands, and the lines that must be printed by them in this order.
#[derive(Debug, Default)]
struct Step {
    commands: String,
    printed: Vec<String>,
}

/// The fenced blocks of a page: each `sh` is a step, and a `text` behind it is what it prints.
fn steps(page: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match language {
            "sh" => steps.push(Step { commands: block.join("\n"), printed: Vec::new() }),
            "text" => {
                let step = steps.last_mut().context("a `text` block stands before the first `sh`")?;
                step.printed = block.into_iter().map(str::to_owned).collect();
            }
            other => bail!("a block of `{other}`: this page has `sh` and `text` only"),
        }
    }
    Ok(steps)
}

/// Whether a printed line is as the page has it; `…` stands for anything.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.trim().split('…');
    let Some(mut rest) = line.trim().strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = "";
    for part in parts {
        last = part;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || last.is_empty() && expected.contains('…')
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    assert!(fits("ok", " ok "));
    assert!(!fits("ok", "ok then"));
    assert!(fits("a … c …", "a b c d"));
    assert!(fits("1. Failed …", "1. Failed      Defender"));
    assert!(!fits("a … c", "a b c d"));
    assert!(fits("…", "12"));
    assert!(fits("incident … after … s", "incident 1 after 0.4 s"));
    assert!(!fits("passed … x", "FAILED … x"));
}

fn run(folder: &Path, steps: &[Step]) -> anyhow::Result<Vec<String>> {
    let port = free_port().to_string();
    // Steps may leave a program behind when one fails; they end with the shell.
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n");
    for step in steps {
        script.push_str(&step.commands.replace(PORT, &port));
        script.push_str(&format!("\necho '{MARK}'\n"));
    }
    std::fs::write(folder.join("tour.sh"), script)?;
    let programs = program("bartizan");
    let programs = programs.parent().context("a program lies in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let said = std::fs::File::create(folder.join("stderr.txt"))?;
    let output = Command::new("bash")
        .arg("tour.sh")
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("BARTIZAN_LOG", "warn")
        .stdin(Stdio::null())
        .stderr(said)
        .output()
        .context("cannot start bash")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts: Vec<String> = printed.split(&format!("{MARK}\n")).map(str::to_owned).collect();
    if !output.status.success() {
        let said = std::fs::read_to_string(folder.join("stderr.txt")).unwrap_or_default();
        let end = said.lines().rev().take(30).collect::<Vec<_>>();
        let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
        let failed = steps.get(parts.len() - 1).map_or("the end", |step| step.commands.as_str());
        bail!(
            "ended with {} in:\n{failed}\nprinted:\n{}\nsaid:\n{end}",
            output.status,
            parts[parts.len() - 1]
        );
    }
    Ok(parts)
}

#[test]
fn every_command_of_the_tour_runs_and_prints_what_the_page_says() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: the tour's sensor needs root");
        return Ok(());
    }
    for needed in ["curl", "jq", "bash"] {
        if Command::new(needed).arg("--version").output().is_err() {
            println!("skipped: the tour needs `{needed}`");
            return Ok(());
        }
    }
    let page = std::fs::read_to_string(repository().join("docs/operating/onboarding.md"))?;
    let steps = steps(&page)?;
    ensure!(steps.len() > 8, "the page has commands: {}", steps.len());
    let folder = tempfile::tempdir()?;
    let printed = run(folder.path(), &steps)?;
    for (step, printed) in steps.iter().zip(&printed) {
        let mut lines = printed.lines();
        for expected in &step.printed {
            ensure!(
                lines.any(|line| fits(expected, line)),
                "`{expected}` is not printed, in this order, by:\n{}\nbut:\n{printed}",
                step.commands
            );
        }
    }
    Ok(())
}
