//! The `bartizan` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    bartizan_server::cli::main()
}
