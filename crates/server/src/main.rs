//! The `bartizan` program.

use std::process::ExitCode;

/// Gives memory back to the system that many threads used in turn; the C library's allocator keeps it in each
/// thread's own arena (docs/decisions/026-an-allocator-that-gives-back.md has the measurements).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bartizan_server::cli::main()
}
