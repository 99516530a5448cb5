//! An export rule as it is stored.

use bartizan_records::{RecordsError, Resource};
use serde_json::Value;

use super::ExportOptions;
use crate::app::App;

/// The resource type of export rules.
pub(crate) const EXPORT_TYPE: &str = "Microsoft.OperationalInsights/workspaces/dataExports";
/// What a destination in a folder begins with, and one in the bucket.
const FOLDER: &str = "folder:";
const BUCKET: &str = "s3:";
const NAME_LENGTH_MAX: usize = 64;

/// Where a rule's rows go. The names are plain ones, so that no rule writes anywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A folder below the one that the operator allows.
    Folder(String),
    /// Keys in the operator's bucket that begin with this name and a slash.
    Bucket(String),
}

impl Destination {
    /// Reads a destination's `resourceId`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (make, name) = match (text.strip_prefix(FOLDER), text.strip_prefix(BUCKET)) {
            (Some(name), _) => (Self::Folder as fn(String) -> Self, name),
            (None, Some(name)) => (Self::Bucket as fn(String) -> Self, name),
            (None, None) => return None,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = !name.is_empty() && name.len() <= NAME_LENGTH_MAX && !name.starts_with('.');
        (fits && name.chars().all(plain)).then(|| make(name.to_owned()))
    }

    /// The `type` of a destination in answers.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) => "Folder",
            Self::Bucket(_) => "S3",
        }
    }

    /// For people.
    pub(super) fn shown(&self, options: Option<&ExportOptions>) -> String {
        match self {
            Self::Folder(name) => format!("the folder `{name}`"),
            Self::Bucket(name) => match options.and_then(|options| options.bucket.as_ref()) {
                Some(bucket) => format!("`{name}/` in the bucket {}", bucket.name()),
                None => format!("`{name}/` in a bucket"),
            },
        }
    }
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct ExportRule {
    pub(crate) name: String,
    pub(crate) export_id: String,
    pub(crate) tables: Vec<String>,
    pub(crate) destination: Destination,
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
            destination: Destination::parse(destination)?,
            enabled: resource.property("enable").and_then(Value::as_bool).unwrap_or(true),
        })
    }
}

/// All rules of the workspace.
pub(super) async fn all(app: &App) -> Result<Vec<ExportRule>, RecordsError> {
    let stored = app.records.list_all(&app.home.workspace, EXPORT_TYPE).await?;
    Ok(stored.iter().filter_map(ExportRule::of).collect())
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn names_are_plain() {
        let folder = Destination::Folder("soc-1.archive".to_owned());
        assert_eq!(Destination::parse("folder:soc-1.archive"), Some(folder));
        assert_eq!(Destination::parse("s3:soc"), Some(Destination::Bucket("soc".to_owned())));
        for wrong in [
            "soc",
            "folder:",
            "folder:..",
            "folder:.x",
            "folder:a/b",
            "folder:/etc",
            "folder:a\\b",
            "s3://b",
            "s3:",
            "s3:..",
            "s3:a/../b",
            "s3:a?b",
        ] {
            assert_eq!(Destination::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Destination::parse(&format!("folder:{}", "x".repeat(65))), None);
    }
}
