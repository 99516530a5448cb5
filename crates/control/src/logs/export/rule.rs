//! An export rule as it is stored.

use bartizan_records::{RecordsError, Resource};
use serde_json::Value;

use crate::app::App;

/// The resource type of export rules.
pub(crate) const EXPORT_TYPE: &str = "Microsoft.OperationalInsights/workspaces/dataExports";
/// What a destination in a folder begins with.
const FOLDER: &str = "folder:";
const FOLDER_LENGTH_MAX: usize = 64;

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct ExportRule {
    pub(crate) name: String,
    pub(crate) export_id: String,
    pub(crate) tables: Vec<String>,
    /// The folder's name, below the one that the operator allows.
    pub(crate) folder: String,
    pub(crate) enabled: bool,
}

impl ExportRule {
    /// Reads a stored rule; `None` when it is none, which `PUT` does not allow.
    pub(crate) fn of(resource: &Resource) -> Option<Self> {
        let texts = resource.property("tableNames")?.as_array()?.iter();
        let destination = resource.property("destination")?["resourceId"].as_str()?;
        Some(Self {
            name: resource.id.name().to_owned(),
            export_id: resource.property("dataExportId")?.as_str()?.to_owned(),
            tables: texts.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            folder: folder_of(destination)?.to_owned(),
            enabled: resource.property("enable").and_then(Value::as_bool).unwrap_or(true),
        })
    }
}

/// The folder that a destination names: a plain name, so that no rule writes anywhere else.
pub(crate) fn folder_of(destination: &str) -> Option<&str> {
    let name = destination.strip_prefix(FOLDER)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !name.is_empty() && name.len() <= FOLDER_LENGTH_MAX && !name.starts_with('.');
    (fits && name.chars().all(plain)).then_some(name)
}

/// All rules of the workspace.
pub(super) async fn all(app: &App) -> Result<Vec<ExportRule>, RecordsError> {
    let stored = app.records.list_all(&app.home.workspace, EXPORT_TYPE).await?;
    Ok(stored.iter().filter_map(ExportRule::of).collect())
}

#[cfg(test)]
mod tests {
    use super::folder_of;

    #[test]
    fn folders_are_plain_names() {
        assert_eq!(folder_of("folder:soc-1.archive"), Some("soc-1.archive"));
        for wrong in
            ["soc", "folder:", "folder:..", "folder:.x", "folder:a/b", "folder:/etc", "folder:a\\b", "s3://b"]
        {
            assert_eq!(folder_of(wrong), None, "{wrong}");
        }
        assert_eq!(folder_of(&format!("folder:{}", "x".repeat(65))), None);
    }
}
