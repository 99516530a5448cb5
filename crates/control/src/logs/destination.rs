//! Where a data collection rule sends to: workspaces of this server.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::Value;

use crate::app::App;
use crate::http::Failure;
use crate::logs::Workspace;
use crate::logs::rule::{list, texts, wrong};

/// Workspaces that a rule sends to; Azure's limit.
const DESTINATIONS_MAX: usize = 10;

/// A workspace that a rule sends to, and what its flows call it.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) workspace: Workspace,
}

/// The destinations that a flow names; all of them when it names none.
pub(super) fn named_by<'a>(destinations: &'a [Destination], flow: &Value) -> Vec<&'a Destination> {
    let names: Vec<&str> = texts(&flow["destinations"]).collect();
    let is_named =
        |destination: &&Destination| names.is_empty() || names.iter().any(|name| *name == destination.name);
    let mut named: Vec<&Destination> = destinations.iter().filter(is_named).collect();
    // Two names of one workspace would store each row twice.
    let mut seen = Vec::new();
    named.retain(|destination| {
        let is_new = !seen.contains(&destination.workspace.id);
        seen.push(destination.workspace.id);
        is_new
    });
    named
}

/// Where a stored rule sends to: the home workspace, unless it says otherwise.
pub(super) fn destinations_of(app: &App, rule: &Resource) -> Result<Vec<Destination>, Failure> {
    let mut out = Vec::new();
    for entry in list(rule.property("destinations").and_then(|all| all.get("logAnalytics"))) {
        let text = entry["workspaceResourceId"].as_str().unwrap_or_default();
        let workspace = ResourceId::parse(text).ok().and_then(|id| app.workspaces.at(&id));
        // Not the sender's mistake: it keeps its rows and tries again.
        let workspace = workspace.ok_or_else(|| {
            let text = format!(
                "The rule '{}' sends to `{text}`, which is not there any more; give it another destination.",
                rule.id.name()
            );
            Failure(ApiError::new(ErrorKind::NotFound, text))
        })?;
        out.push(Destination { name: entry["name"].as_str().unwrap_or_default().to_owned(), workspace });
    }
    if out.is_empty() {
        out.push(Destination { name: String::new(), workspace: app.home_workspace() });
    }
    Ok(out)
}

/// The workspaces that a stored rule sends to, as far as they are there.
pub(crate) fn workspaces_of(app: &App, rule: &Resource) -> Vec<Workspace> {
    let all = destinations_of(app, rule).unwrap_or_default();
    all.into_iter().map(|destination| destination.workspace).collect()
}

/// Whether a stored rule names a workspace as its destination.
pub(crate) fn sends_to(rule: &Resource, workspace: &ResourceId) -> bool {
    list(rule.property("destinations").and_then(|all| all.get("logAnalytics"))).iter().any(|entry| {
        let id = entry["workspaceResourceId"].as_str().and_then(|id| ResourceId::parse(id).ok());
        id.as_ref() == Some(workspace)
    })
}

/// The destinations of a rule that is written. Workspaces are the only kind there is.
pub(crate) fn destinations(app: &App, properties: &Value) -> Result<Vec<Destination>, Failure> {
    let path = "properties.destinations";
    let mut out: Vec<Destination> = Vec::new();
    for (kind, entries) in properties["destinations"].as_object().into_iter().flatten() {
        if kind != "logAnalytics" {
            if entries.as_array().is_some_and(Vec::is_empty) || entries.is_null() {
                continue;
            }
            let text = format!("destinations of kind `{kind}` are not supported; `logAnalytics` is");
            return Err(wrong(path, text));
        }
        let path = format!("{path}.logAnalytics");
        if list(Some(entries)).len() > DESTINATIONS_MAX {
            return Err(wrong(&path, format!("a rule has at most {DESTINATIONS_MAX} destinations")));
        }
        for entry in list(Some(entries)) {
            let asked = entry["workspaceResourceId"].as_str().unwrap_or_default();
            let workspace = ResourceId::parse(asked).ok().and_then(|id| app.workspaces.at(&id));
            let workspace = workspace.ok_or_else(|| {
                let shown: String = asked.chars().take(300).collect();
                let text = format!(
                    "`{shown}` is no workspace of this server; its own is `{}`, and others are made with a PUT",
                    app.home.workspace
                );
                wrong(&path, text)
            })?;
            let name = entry["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                return Err(wrong(&path, "each destination needs a `name`"));
            }
            if out.iter().any(|known| known.name == name) {
                return Err(wrong(&path, format!("two destinations are called `{name}`")));
            }
            out.push(Destination { name: name.to_owned(), workspace });
        }
    }
    Ok(out)
}
