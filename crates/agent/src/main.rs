//! The agent program. All of it is in the library; this only starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    bartizan_agent::cli::main()
}
