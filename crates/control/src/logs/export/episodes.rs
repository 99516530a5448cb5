//! Exports that do not go on, told of in `Operation`: once when one begins to fail, once when it fails for another
//! reason, and once when it goes on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ExportRule, key};
use crate::app::App;
use crate::http::chain;

/// Why exports fail now, by their marks' names. Rules and their tables are bounded, and so is this.
#[derive(Debug, Default)]
pub(super) struct Episodes(BTreeMap<String, String>);

impl Episodes {
    /// Forgets what is no longer exported.
    pub(super) fn keep(&mut self, rules: &[ExportRule]) {
        let enabled = || rules.iter().filter(|rule| rule.enabled);
        self.0.retain(|known, _| {
            enabled().any(|rule| rule.tables.iter().any(|table| key(rule, table) == *known))
        });
    }

    /// Takes note of how an export went, and tells when that changed.
    pub(super) async fn note(&mut self, app: &App, rule: &ExportRule, table: &str, error: Option<String>) {
        let key = key(rule, table);
        let to = rule.destination.shown(app.export.as_ref());
        let (status, detail) = match error {
            Some(error) if self.0.get(&key) == Some(&error) => return,
            Some(error) => {
                let detail =
                    format!("Rows of `{table}` cannot be exported to {to}: {error}. It is tried again.");
                self.0.insert(key, error);
                ("Error", detail)
            }
            None if self.0.remove(&key).is_none() => return,
            None => ("Succeeded", format!("The export of `{table}` to {to} goes on.")),
        };
        let row = json!({
            "TimeGenerated": app.clock.now(), "OperationCategory": "Export",
            "OperationKey": format!("{}/{table}", rule.name), "OperationStatus": status, "Solution": "LogManagement",
            "SourceSystem": "Bartizan", "Detail": detail, "_ResourceId": app.home.workspace.to_string().to_lowercase(),
        });
        let Value::Object(row) = row else { return };
        let target = app.home.target("Operation");
        if let Err(error) = app.store.append_rows(target, vec![row]).await {
            tracing::warn!(error = chain(&error), "cannot write to Operation");
        }
    }
}
