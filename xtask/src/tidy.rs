//! Checks what a compiler does not: which crate uses which (against `layers.txt`), that files are named for what
//! they hold, that every module that carries an idea says which, and that nothing is left half done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::command::{capture, cargo, command, root};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc", "stuff"];
/// A file this long has a second idea inside it, unless its header says why it is one table or one grammar.
const LINES_MAX: usize = 1_000;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut findings = layers()?;
    for file in rust_files()? {
        findings.extend(check_file(&file)?);
    }
    if findings.is_empty() {
        println!("tidy: nothing to object to");
        return Ok(());
    }
    for finding in &findings {
        println!("tidy: {finding}");
    }
    bail!("tidy found {} things to mend", findings.len())
}

/// Compares the real dependency graph with `xtask/layers.txt`.
fn layers() -> anyhow::Result<Vec<String>> {
    let allowed = read_layers(&fs::read_to_string(root().join("xtask/layers.txt"))?)?;
    let metadata = capture(cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata has no packages")? {
        let name = short(package["name"].as_str().unwrap_or_default());
        let Some(may_use) = allowed.get(name) else {
            findings.push(format!("crate `{name}` is not in xtask/layers.txt"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let full = dependency["name"].as_str().unwrap_or_default();
            let used = short(full);
            let in_tests = dependency["kind"] == "dev";
            if full.starts_with("bartizan-") && !may_use.contains(used) && !(in_tests && used == "testkit") {
                findings.push(format!("crate `{name}` uses `{used}`, which xtask/layers.txt does not allow"));
            }
        }
    }
    Ok(findings)
}

fn read_layers(text: &str) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut layers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (name, uses) =
            line.split_once(':').with_context(|| format!("no colon in layers line `{line}`"))?;
        let uses: BTreeSet<String> = uses.split_whitespace().map(str::to_owned).collect();
        if let Some(unknown) = uses.iter().find(|used| !layers.contains_key(*used)) {
            bail!("layers.txt: `{name}` uses `{unknown}`, which must stand above it");
        }
        layers.insert(name.trim().to_owned(), uses);
    }
    Ok(layers)
}

fn short(package: &str) -> &str {
    package.strip_prefix("bartizan-").unwrap_or(package)
}

fn check_file(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut findings = Vec::new();
    if EMPTY_NAMES.contains(&stem.as_ref()) {
        findings.push(format!("{shown}: the name `{stem}` says nothing; use the noun that the file holds"));
    }
    if !text.starts_with("//!") {
        findings.push(format!("{shown}: no `//!` header that says what it is"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX && !text.contains("//! Long because") {
        findings.push(format!("{shown}: {lines} lines; split it, or say `//! Long because …` in its header"));
    }
    for (number, line) in text.lines().enumerate() {
        for word in
            [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplement", "ed!("), concat!("to", "do!(")]
        {
            if line.contains(word) {
                findings.push(format!("{shown}:{}: `{word}` left in", number + 1));
            }
        }
    }
    Ok(findings)
}

fn rust_files() -> anyhow::Result<Vec<PathBuf>> {
    let listed =
        capture(command("git", &["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"]))?;
    Ok(listed.lines().map(|line| root().join(line)).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_must_point_upwards() {
        assert!(read_layers("a:\nb: a\n").is_ok());
        assert!(read_layers("b: a\na:\n").is_err());
        assert!(read_layers("nonsense\n").is_err());
    }

    #[test]
    fn the_graph_agrees_with_the_table() {
        assert_eq!(layers().unwrap(), Vec::<String>::new());
    }
}
