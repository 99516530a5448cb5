//! Chores. `cargo xtask up` sets everything up and starts it; `cargo xtask test` runs what CI runs.
//!
//! Links none of the product's crates, so that it compiles in seconds.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its user on stdout")]

mod addresses;
mod bench;
mod bench_query;
mod bpf;
mod clients;
mod command;
mod conformance;
mod crash;
mod fuzz;
mod portal;
mod postgres;
mod prerequisites;
mod supervise;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, start, check and measure Bartizan")]
struct Options {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the server, the agent and the portal, start the server and connect this machine
    Up(up::Options),
    /// Run everything that CI runs
    Test(test::Options),
    /// Check the layout: dependency direction, file names, headers
    Tidy,
    /// Make the table of countries by address from a downloaded package (content/addresses/README.md)
    Addresses(addresses::Options),
    /// Measure: ingest rows/s, event-to-row and event-to-incident latency; `bench query`, `bench control`
    Bench(bench::Options),
    /// Kill the server at random points while rows come in, and count them
    Crash(crash::Options),
    /// Compare our KQL with the reference's on a folder of queries and answers
    Conformance(conformance::Options),
    /// Feed random input to parsers, binder, planner and engine, and keep what fails
    Fuzz(fuzz::Options),
    /// Compile the kernel programs and update the objects in the repository (needs clang 14)
    Ebpf,
}

fn main() -> ExitCode {
    match run(Options::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<()> {
    match chore {
        Chore::Up(options) => up::run(&options),
        Chore::Test(options) => test::run(&options),
        Chore::Tidy => tidy::run(),
        Chore::Addresses(options) => addresses::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Crash(options) => crash::run(&options),
        Chore::Conformance(options) => conformance::run(&options),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::Ebpf => bpf::run(),
    }
}
