//! The checked-in kernel object is what clang 14 makes of the source beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

const COMPILE: [&str; 8] = ["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-target", "bpfel", "-mcpu=v2"];

#[test]
fn the_object_is_built_from_the_source() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf");
    let Some((clang, strip)) = clang_14() else {
        println!("skipped: clang 14 and llvm-strip are not installed");
        return;
    };
    let built = std::env::temp_dir().join(format!("sensor-object-{}.o", std::process::id()));
    let prefix = format!("-ffile-prefix-map={}=.", folder.display());
    run(Command::new(clang)
        .current_dir(&folder)
        .args(COMPILE)
        .arg(prefix)
        .args(["-c", "process.bpf.c", "-o"])
        .arg(&built));
    run(Command::new(strip).arg("-g").arg(&built));
    let same = std::fs::read(&built).unwrap() == std::fs::read(folder.join("process.bpf.o")).unwrap();
    std::fs::remove_file(&built).unwrap();
    assert!(same, "bpf/process.bpf.o is stale: bpf/README.md says how to rebuild it");
}

fn clang_14() -> Option<(PathBuf, PathBuf)> {
    let clang = ["clang-14", "clang"].into_iter().find(|name| {
        let answer = Command::new(name).arg("--version").output();
        answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).contains("clang version 14."))
    })?;
    let strip = ["llvm-strip-14", "llvm-strip"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())?;
    Some((clang.into(), strip.into()))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
