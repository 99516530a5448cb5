//! Compiles the kernel programs. The stripped objects are kept in the repository so that nobody needs clang to
//! build; a test of the sensor compiles them again and compares.

use anyhow::Context as _;

use crate::command::{command, execute, root};
use crate::prerequisites;

/// The compiler that made the objects in the repository: other versions give other bytes.
const CLANG: (&str, &str) = ("clang-14", "clang-14");
const STRIP: (&str, &str) = ("llvm-strip-14", "llvm-14");

pub(crate) fn run() -> anyhow::Result<()> {
    prerequisites::ensure(&[CLANG, STRIP])?;
    let folder = root().join("crates/sensor/bpf");
    let source = folder.join("process.bpf.c");
    let object = folder.join("process.bpf.o");
    let source = source.to_str().context("the repository's path is not UTF-8")?;
    let object = object.to_str().context("the repository's path is not UTF-8")?;
    // The flags stand in crates/sensor/bpf/README.md too, where the comparing test reads them.
    execute(command(
        CLANG.0,
        &["-g", "-O2", "-target", "bpf", "-D__TARGET_ARCH_x86", "-c", source, "-o", object],
    ))?;
    execute(command(STRIP.0, &["-g", object]))?;
    println!("Wrote {object}");
    Ok(())
}
