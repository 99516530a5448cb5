//! Every operation that the management libraries of Azure's clients have, called once: each is answered with data
//! and a status that the client takes, or refused with an error that says so. `docs/reference/azure-operations.md`
//! says which is which and is written by this test.

mod page;
mod requests;
mod seeds;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bartizan_testkit::in_process::Answer;
use reqwest::Method;

use crate::hierarchy::root_owner;

/// One line of `tests/azure/operations.txt`.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `provider.group.operation`.
    name: String,
    method: Method,
    version: String,
    /// Statuses at which the client does not raise.
    accepted: Vec<u16>,
    path: String,
}

impl Operation {
    fn group(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(group, _)| group)
    }

    fn short(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// Things are made before they are read, and deleted last.
    fn phase(&self) -> u8 {
        match self.method.as_str() {
            "PUT" => 0,
            "GET" | "HEAD" => 1,
            "PATCH" => 2,
            "POST" => 3,
            _ => 4,
        }
    }

    /// Whether the answer is a list.
    fn lists(&self) -> bool {
        let word = self.short().starts_with("list") || self.short().ends_with("_search");
        word && self.method != Method::PUT
    }
}

/// How an operation is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served(u16),
    /// The status and the code of the error.
    Refused(u16, String),
}

/// Codes that say that something is not there to be used. Any other error means that this test asked badly.
const REFUSALS: [&str; 6] = [
    "InvalidAction",
    "InvalidPath",
    "LocalAuthDisabled",
    "MethodNotAllowed",
    "NoRegisteredProviderFound",
    "OperationNotSupported",
];
/// Operations whose refusal has another code, and why that is the answer.
const REFUSED_OTHERWISE: [(&str, &str, &str); 3] = [
    ("loganalytics.workspaces.delete", "Conflict", "the home workspace holds the server's logs"),
    (
        "policy.policy_set_definitions.get_built_in",
        "AuthorizationFailed",
        "no set is built in, and others are for those with a role there",
    ),
    ("resource.providers.unregister", "Conflict", "what the server has cannot be taken out of it"),
];
/// Lists that are truly empty here, and why.
const EMPTY: [(&str, &str); 1] = [("policy.policy_set_definitions.list_built_in", "no set is built in")];

fn operations(text: &str) -> Vec<Operation> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let operation = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, method, version, accepted, path] = words[..] else { panic!("not an operation: {line}") };
        Operation {
            name: name.to_owned(),
            method: method.parse().unwrap(),
            version: version.to_owned(),
            accepted: accepted.split(',').map(|status| status.parse().unwrap()).collect(),
            path: path.to_owned(),
        }
    };
    lines.map(operation).collect()
}

/// What the answer means; an error names what an answer must not be.
fn judge(operation: &Operation, answer: &Answer) -> Result<Verdict, String> {
    let shown: String = answer.text.chars().take(300).collect();
    if answer.status >= 500 {
        return Err(format!("failed: {} {shown}", answer.status));
    }
    if answer.status >= 400 {
        let code = answer.code();
        let other =
            REFUSED_OTHERWISE.iter().any(|(name, known, _)| *name == operation.name && *known == code);
        if !other && !REFUSALS.contains(&code.as_str()) {
            return Err(format!("was not understood: {} {shown}", answer.status));
        }
        if answer.json()["error"]["message"].as_str().unwrap_or_default().len() < 20 {
            return Err(format!("refused without a reason: {} {shown}", answer.status));
        }
        return Ok(Verdict::Refused(answer.status, code));
    }
    if !operation.accepted.contains(&answer.status) {
        return Err(format!(
            "{} is not what clients take ({:?}): {shown}",
            answer.status, operation.accepted
        ));
    }
    let body = answer.json();
    if operation.lists() {
        let list = if operation.short() == "list_entities" { &body["entities"] } else { &body["value"] };
        let empty = list.as_array().is_none_or(Vec::is_empty);
        if empty && !EMPTY.iter().any(|(name, _)| *name == operation.name) {
            return Err(format!("an empty list pretends: {shown}"));
        }
    } else if operation.method == Method::GET && !body.is_object() {
        return Err(format!("no object: {shown}"));
    }
    Ok(Verdict::Served(answer.status))
}

#[tokio::test]
async fn every_operation_is_served_or_refused_in_so_many_words() {
    let all = operations(include_str!("../../azure/operations.txt"));
    let s = crate::discovery::start().await;
    let caller = root_owner(&s).await;
    let seeds = seeds::plant(&s, &caller).await;
    let mut groups: Vec<&str> = Vec::new();
    for operation in &all {
        if !groups.contains(&operation.group()) {
            groups.push(operation.group());
        }
    }
    let mut verdicts = BTreeMap::new();
    let mut wrong = Vec::new();
    for group in groups {
        let mut mine: Vec<&Operation> = all.iter().filter(|operation| operation.group() == group).collect();
        mine.sort_by_key(|operation| operation.phase());
        for operation in mine {
            let path = requests::path(operation, &seeds);
            let mut request = caller.request(operation.method.clone(), &path);
            if let Some(body) = requests::body(operation, &seeds) {
                request = request.json(&body);
            }
            let answer = bartizan_testkit::in_process::read(request).await.unwrap();
            match judge(operation, &answer) {
                Ok(verdict) => drop(verdicts.insert(operation.name.clone(), verdict)),
                Err(error) => wrong.push(format!("{} {} {path}: {error}", operation.name, operation.method)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    page::check(&all, &verdicts);
}

/// The list beside the repository, where this machine has it, names nothing that ours lacks.
#[test]
fn no_operation_of_the_clients_is_missing_from_the_list() {
    let shared = std::env::var_os("BARTIZAN_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
    let path = shared.join("azure/operations.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no `{}`", path.display());
        return;
    };
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ours = operations(include_str!("../../azure/operations.txt"));
    let groups: std::collections::BTreeSet<&str> = ours.iter().map(Operation::group).collect();
    let mut missing = Vec::new();
    for (provider, listed) in all["ops"].as_object().unwrap() {
        for operation in listed.as_array().unwrap() {
            let text = |name: &str| operation[name].as_str().unwrap_or_default();
            let group = format!("{provider}.{}", text("g"));
            let name = format!("{group}.{}", text("op"));
            // Groups that concern nothing this product has are not listed; of one that is, all operations are.
            if groups.contains(group.as_str()) && !ours.iter().any(|ours| ours.name == name) {
                missing.push(name);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
