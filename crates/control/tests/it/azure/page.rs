//! `docs/reference/azure-operations.md`: which operation is served.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{EMPTY, Operation, REFUSED_OTHERWISE, Verdict};

const HEAD: &str = "# Operations of Azure's management libraries

Written by a test that calls every one of them (`UPDATE_GOLDEN=1 cargo nextest run -p bartizan-control -p features
-E 'test(azure)'`). *Served* means real data and a status that the unmodified client takes. Everything else is refused
with an ARM error whose code stands here; nothing is answered with an empty list that pretends.

";

/// Compares the page with what was found; with `UPDATE_GOLDEN=1` writes it. The page may promise less than is there,
/// never more.
pub(super) fn check(all: &[Operation], verdicts: &BTreeMap<String, Verdict>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/azure-operations.md");
    let current = render(all, verdicts);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let lines: Vec<&str> = current.lines().collect();
    let wrong: Vec<&str> = stored
        .lines()
        .filter(|line| line.contains("| served ") && !line.starts_with("| provider") && !lines.contains(line))
        .collect();
    assert_eq!(wrong, Vec::<&str>::new(), "promised and not served; mend it, or review with UPDATE_GOLDEN=1");
    let listed = all.iter().filter(|operation| stored.contains(&format!("| `{}` |", operation.name))).count();
    assert_eq!(listed, all.len(), "the page lacks operations; run with UPDATE_GOLDEN=1");
}

fn render(all: &[Operation], verdicts: &BTreeMap<String, Verdict>) -> String {
    let mut providers: Vec<&str> = Vec::new();
    for operation in all {
        let provider = provider(operation);
        if !providers.contains(&provider) {
            providers.push(provider);
        }
    }
    let served = |operation: &&Operation| matches!(verdicts[&operation.name], Verdict::Served(_));
    let mut out = HEAD.to_owned();
    out.push_str("| provider | served | refused | all |\n| --- | --- | --- | --- |\n");
    for name in providers.iter().copied().chain(["all"]) {
        let mine = || all.iter().filter(|operation| name == "all" || provider(operation) == name);
        let (total, served) = (mine().count(), mine().filter(served).count());
        writeln!(out, "| {name} | {served} | {} | {total} |", total - served).unwrap();
    }
    for name in providers {
        writeln!(out, "\n## {name}\n\n| operation | answer | request |\n| --- | --- | --- |").unwrap();
        for operation in all.iter().filter(|operation| provider(operation) == name) {
            let answer = answer(operation, &verdicts[&operation.name]);
            let path = shortened(&operation.path);
            writeln!(out, "| `{}` | {answer} | {} `{path}` |", operation.name, operation.method).unwrap();
        }
    }
    out
}

fn answer(operation: &Operation, verdict: &Verdict) -> String {
    let why = REFUSED_OTHERWISE.iter().find(|(name, ..)| *name == operation.name).map(|(.., why)| *why);
    let empty = EMPTY.iter().find(|(name, _)| *name == operation.name).map(|(_, why)| *why);
    match verdict {
        Verdict::Served(status) => {
            format!("served {status}{}", empty.map(|why| format!(", empty: {why}")).unwrap_or_default())
        }
        Verdict::Refused(status, code) => {
            format!("refused: {status} {code}{}", why.map(|why| format!(", {why}")).unwrap_or_default())
        }
    }
}

fn provider(operation: &Operation) -> &str {
    operation.name.split('.').next().unwrap_or_default()
}

/// `SUB` and `RG` stand for the beginnings that most paths have.
fn shortened(path: &str) -> String {
    let path = path.replace("/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}", "RG");
    path.replace("/subscriptions/{subscriptionId}", "SUB")
}
