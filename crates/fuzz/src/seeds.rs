//! Where inputs begin: queries of the repository's own tests and references, of folders beside it, and small
//! samples of what else is parsed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bartizan_kql::{functions, operators};

/// Longest query that is a seed. Longer ones only make the same work slower.
const SEED_BYTES_MAX: usize = 4 << 10;

/// What a target's inputs are made of.
#[derive(Clone, Debug)]
pub enum Seeds {
    Text(Vec<String>),
    Bytes(Vec<Vec<u8>>),
}

/// Queries: every example of the reference, every golden test, and the files in `folders` that hold a query a
/// line as JSON (`corpus.jsonl`, `documented_examples.jsonl`).
///
/// # Errors
/// When a file that is there cannot be read.
pub fn queries(folders: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut found = BTreeSet::new();
    let functions = functions::all().map(|declared| declared.function.example);
    let plugins = functions::PLUGINS.iter().map(|plugin| plugin.example);
    let operators = operators::all().chain(operators::STATEMENTS).map(|operator| operator.example);
    found.extend(functions.chain(plugins).chain(operators).map(str::to_owned));
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate lies in a folder")?;
    golden(&crates.join("engine/tests/kql"), &mut found)?;
    golden(&crates.join("kql/tests/data"), &mut found)?;
    for folder in folders {
        for name in ["corpus.jsonl", "documented_examples.jsonl"] {
            let file = folder.join(name);
            if file.exists() {
                found.extend(listed(&read(&file)?));
            }
        }
    }
    found.retain(|query| !query.trim().is_empty() && query.len() <= SEED_BYTES_MAX);
    Ok(found.into_iter().collect())
}

/// Lines of log files, of the audit socket and of dpkg's status.
pub fn lines() -> Vec<String> {
    [
        "<34>1 2026-03-01T12:00:00.123456Z web-1 sshd 812 ID47 [a@1 k=\"v\\\"]\"] Accepted password for ana",
        "<13>Mar  1 12:00:00 web-1 sudo[77]: ana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
        "Mar 11 02:03:04 web-1 kernel: [    0.000000] Linux version 5.10",
        "2026-03-01T12:00:00+01:00 web-1 cron[1]: (root) CMD (true)",
        "<191>",
        "CEF:0|Acme \\| Sons|Wall|1.0|100|port scan|7|src=192.0.2.1 msg=user\\=root tried c\\n spt=22 act=blocked by rule",
        "Security!*[System[(EventID=4624 or EventID=4625) and Provider[@Name='a'] and band(Keywords,48)]]",
        "audit(1700000000.123:456): argc=3 a0=\"ls\" a1=2D6C a2=\"/\"",
        "Package: libc6\nStatus: install ok installed\nVersion: 2.31-13\nArchitecture: amd64\nDescription: C library\n more\n\n\
         Package: half\nStatus: deinstall ok config-files\nSource: whole (1.0)\n",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Policy definitions, rules and expressions.
pub fn policies() -> Vec<String> {
    [
        r#"{"properties":{"mode":"Indexed","parameters":{"effect":{"type":"String","defaultValue":"Audit"}},"policyRule":{"if":{"allOf":[{"field":"type","equals":"Microsoft.HybridCompute/machines"},{"not":{"field":"tags['env']","in":["prod","test"]}}]},"then":{"effect":"[parameters('effect')]"}}}}"#,
        r#"{"policyRule":{"if":{"count":{"field":"Microsoft.HybridCompute/machines/disks[*]","where":{"count":{"field":"Microsoft.HybridCompute/machines/disks[*].parts[*]","where":{"value":"[current()]","greater":1}},"greater":0}},"equals":1},"then":{"effect":"modify","details":{"roleDefinitionIds":["r"],"conflictEffect":"audit","operations":[{"operation":"addOrReplace","field":"tags['x']","value":"[resourceGroup().name]"},{"operation":"add","field":"Microsoft.HybridCompute/machines/disks[*].size","value":3}]}}}}"#,
        r#"{"policyRule":{"if":{"field":"location","exists":"true"},"then":{"effect":"deployIfNotExists","details":{"type":"A.B/c","roleDefinitionIds":["r"],"existenceScope":"Subscription","deployment":{"properties":{"parameters":{"n":{"value":"[field('name')]"}},"template":{"parameters":{"n":{"type":"string"}},"variables":{"v":"[concat(parameters('n'),'/x')]"},"resources":[{"type":"A.B/c/d","name":"[variables('v')]","properties":{"a":"[[b]"}}]}}}}}}}"#,
        r#"{"if":{"count":{"value":["a","b"],"name":"p","where":{"field":"name","like":"[concat(current('p'),'*')]"}},"greaterOrEquals":1},"then":{"effect":"append","details":[{"field":"tags.env","value":"x"}]}}"#,
        r#"{"anyOf":[{"field":"name","match":"web-##"},{"value":"[less(utcNow(),addDays('2026-01-01T00:00:00Z',-90,'yyyy-MM-dd'))]","equals":true},{"field":"tags","containsKey":"env"}]}"#,
        "concat(toLower(field('name')), '-', padLeft(string(length(parameters('list'))), 3, '0'))",
        "if(ipRangeContains('10.0.0.0-10.0.0.9', '10.0.0.5'), parameters('o').x[1], first(split('a,b', ',')))",
        "union(createObject('a', createArray(1, 2)), json('{\"b\": null}')).a[0]",
        "format('{0:D4} {1,-6} {{x}}', add(parameters('n'), 35), uniqueString(guid('a')))",
        "dateTimeAdd(utcNow('u'), '-P1Y2M3DT4H', 'yyyy-MM-dd HH:mm:ss.fff')",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Records of the kernel's ring, headers of rpm's database, and uploaded bodies.
pub fn binary() -> Vec<Vec<u8>> {
    let record = |kind: u32, flags: u32, rest: usize| {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(flags.to_le_bytes());
        bytes.extend((0..rest).map(|at| if at % 7 == 0 { 1 } else { 0 }));
        bytes
    };
    let header = {
        let data = b"name\0 1.0\0";
        let entries = [(1000_u32, 6_u32, 0_u32, 1_u32), (1001, 6, 5, 1), (1003, 4, 4, 1), (1004, 9, 0, 3)];
        let mut bytes = (entries.len() as u32).to_be_bytes().to_vec();
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes
            .extend(entries.iter().flat_map(|(a, b, c, d)| [a, b, c, d]).flat_map(|word| word.to_be_bytes()));
        bytes.extend(data);
        bytes
    };
    let bodies: [&[u8]; 4] = [
        br#"[{"TimeGenerated":"2026-03-01T12:00:00Z","DeviceName":"a","ProcessId":1,"AdditionalFields":{"k":[1,2.5,null]}}]"#,
        br#"[{"TimeGenerated":1772366400000,"ProcessId":"12","LogonId":9223372036854775807,"IsInitiatingProcessRemoteSession":"true"},{}]"#,
        br#"{"ProcessId":-1e400,"\ud800":"\u0000"}"#,
        b"[]",
    ];
    let mut all = vec![record(1, 31, 400), record(2, 0, 160), record(3, 16, 160), header];
    all.extend(bodies.iter().map(|body| body.to_vec()));
    all
}

/// Queries of golden files: between `## title` and `----`, or between blank lines.
fn golden(folder: &Path, into: &mut BTreeSet<String>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list `{}`", folder.display()))?.path();
        if path.is_dir() {
            golden(&path, into)?;
            continue;
        }
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("kqlt") => {
                let text = format!("\n{}", read(&path)?);
                let cases = text.split("\n## ").skip(1).filter_map(|case| case.split_once('\n'));
                into.extend(cases.filter_map(|(_, rest)| Some(rest.split_once("\n----")?.0.to_owned())));
            }
            Some("kql") => into.extend(read(&path)?.split("\n\n").map(str::to_owned)),
            _ => {}
        }
    }
    Ok(())
}

/// The `query`, `kql` or `text` of each line.
fn listed(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        let query = ["query", "kql", "text"].iter().find_map(|key| entry.get(key)?.as_str());
        query.map(str::to_owned)
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
