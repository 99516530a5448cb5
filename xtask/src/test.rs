//! `cargo xtask test`: everything CI runs, in the order that finds mistakes soonest.

use std::time::Instant;

use crate::command::{cargo, execute, exists};
use crate::portal::npm;
use crate::postgres::Postgres;
use crate::{clients, portal, prerequisites, tidy};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the Rust part
    #[arg(long)]
    no_portal: bool,
    /// Only the portal's part
    #[arg(long)]
    no_rust: bool,
}

fn step(name: &str, step: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let started = Instant::now();
    println!("==> {name}");
    let result = step();
    println!(
        "<== {name}: {} after {} s",
        if result.is_ok() { "ok" } else { "FAILED" },
        started.elapsed().as_secs()
    );
    result
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    step("what the machine needs", || {
        prerequisites::ensure(prerequisites::BUILD)?;
        prerequisites::ensure_node()?;
        prerequisites::ensure(prerequisites::TEST)?;
        prerequisites::try_ensure(prerequisites::PEERS);
        clients::try_install();
        ensure_nextest()
    })?;
    if !options.no_rust {
        step("format", || execute(cargo(&["fmt", "--all", "--check"])))?;
        step("tidy", tidy::run)?;
    }
    if !options.no_portal {
        step("portal: packages", portal::install)?;
        step("portal: types", || execute(npm(&["run", "--silent", "typecheck"])))?;
        step("portal: lint", || execute(npm(&["run", "--silent", "lint"])))?;
        step("portal: layout", || execute(npm(&["run", "--silent", "tidy"])))?;
        step("portal: unit tests", || execute(npm(&["run", "--silent", "test"])))?;
    }
    step("portal: build", portal::build)?;
    if !options.no_rust {
        step("programs", || execute(cargo(&["build", "--workspace", "--bins"])))?;
        step("tests", || execute(cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])))?;
        step("tests on PostgreSQL", on_postgres)?;
        step("lints", || {
            execute(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        })?;
        step("licences and advisories", deny)?;
    }
    if !options.no_portal {
        step("portal: pages in a browser", || execute(npm(&["run", "--silent", "e2e"])))?;
    }
    println!("Everything passed.");
    Ok(())
}

/// The tests of what keeps records, again, with the records on PostgreSQL.
fn on_postgres() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start()? else { return Ok(()) };
    let arguments = [
        "nextest",
        "run",
        "-p",
        "bartizan-records",
        "-p",
        "bartizan-control",
        "-p",
        "features",
        "--no-fail-fast",
        // Two minutes of starting Python, which is the same on every store.
        "-E",
        "not test(azures_command_line_works_unmodified)",
    ];
    let mut tests = cargo(&arguments);
    tests.env("BARTIZAN_TEST_POSTGRES", postgres.url());
    execute(tests)
}

fn ensure_nextest() -> anyhow::Result<()> {
    if exists("cargo-nextest") {
        return Ok(());
    }
    println!("Installing cargo-nextest …");
    execute(cargo(&["install", "--locked", "cargo-nextest"]))
}

/// Licences, bans and sources are checked wherever `cargo deny` is installed; advisories need the network.
fn deny() -> anyhow::Result<()> {
    if !exists("cargo-deny") {
        println!("skipped: cargo-deny is not installed (`cargo install --locked cargo-deny` adds it)");
        return Ok(());
    }
    execute(cargo(&["deny", "--all-features", "check", "licenses", "bans", "sources"]))
}
