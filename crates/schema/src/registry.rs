//! All declared tables, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::table::Table;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../content/tables");
/// What columns mean that many tables have under one name.
const COLUMNS: &str = include_str!("../../../content/columns.yaml");

/// Tables by name. Lookups are exact first, then without regard to case, because people type
/// `securityevent` and KQL itself would only suggest the right spelling.
#[derive(Clone, Debug, Default)]
pub struct TableRegistry {
    tables: BTreeMap<String, Arc<Table>>,
}

/// A declaration that cannot be used, with the file it stands in.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("table file `{file}` is not a table declaration")]
    Malformed {
        file: String,
        #[source]
        source: serde_norway::Error,
    },
    #[error("table file `{file}` declares `{table}`: the file name must be `{table}.yaml`")]
    FileName { file: String, table: String },
    #[error("table `{table}` declares column `{column}` twice")]
    DuplicateColumn { table: String, column: String },
    #[error("table file `{0}` is not UTF-8")]
    NotText(String),
}

impl TableRegistry {
    /// The tables shipped in `content/tables`.
    ///
    /// # Errors
    /// When a shipped file is malformed; a test keeps that from happening in a release.
    pub fn shipped() -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        let columns: BTreeMap<String, String> = serde_norway::from_str(COLUMNS)
            .map_err(|source| RegistryError::Malformed { file: "columns.yaml".to_owned(), source })?;
        for file in SHIPPED.files() {
            let name = file.path().display().to_string();
            let text = file.contents_utf8().ok_or_else(|| RegistryError::NotText(name.clone()))?;
            let table = read(&name, text)?;
            registry.add(table)?;
        }
        for table in registry.tables.values_mut() {
            for column in &mut Arc::make_mut(table).columns {
                if column.description.is_empty()
                    && let Some(description) = columns.get(&column.name)
                {
                    column.description.clone_from(description);
                }
            }
        }
        Ok(registry)
    }

    /// Adds the table that `text`, the contents of `file`, declares.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn add_yaml(&mut self, file: &str, text: &str) -> Result<(), RegistryError> {
        self.add(read(file, text)?)
    }

    /// Adds or replaces a table, with the standard columns completed.
    ///
    /// # Errors
    /// When two columns have one name.
    pub fn add(&mut self, table: Table) -> Result<(), RegistryError> {
        let table = table.with_standard_columns();
        let mut seen = std::collections::BTreeSet::new();
        for column in &table.columns {
            if !seen.insert(column.name.as_str()) {
                return Err(RegistryError::DuplicateColumn {
                    table: table.name.clone(),
                    column: column.name.clone(),
                });
            }
        }
        self.tables.insert(table.name.clone(), Arc::new(table));
        Ok(())
    }

    /// The table called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables
            .get(name)
            .or_else(|| self.tables.values().find(|table| table.name.eq_ignore_ascii_case(name)))
    }

    /// Every table, in name order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// How many tables there are.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

/// The table that `text`, the contents of `file`, declares.
fn read(file: &str, text: &str) -> Result<Table, RegistryError> {
    let table: Table = serde_norway::from_str(text)
        .map_err(|source| RegistryError::Malformed { file: file.to_owned(), source })?;
    if file.trim_end_matches(".yaml") != table.name {
        return Err(RegistryError::FileName { file: file.to_owned(), table: table.name });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::KqlType;

    #[test]
    fn every_shipped_table_says_what_a_row_is_and_common_columns_what_they_hold() {
        let registry = TableRegistry::shipped().unwrap();
        for table in registry.iter() {
            assert!(!table.description.is_empty(), "{} has no description", table.name);
            for name in ["TimeGenerated", "_TimeReceived", "_BilledSize"] {
                let column = table.column(name).unwrap();
                assert!(!column.description.is_empty(), "{}.{name} has no description", table.name);
            }
        }
        let shared: BTreeMap<String, String> = serde_norway::from_str(COLUMNS).unwrap();
        for name in shared.keys() {
            assert!(registry.iter().any(|table| table.column(name).is_some()), "no table has `{name}`");
        }
        let own = registry.get("Heartbeat").unwrap().column("Computer").unwrap();
        assert_eq!(own.description, "Name of the machine resource.", "a table's own words go before");
    }

    /// The tables that public rules and hunting queries name most.
    const MOST_USED: [&str; 45] = [
        "Alert",
        "AlertEvidence",
        "AlertInfo",
        "AuditLogs",
        "AWSCloudTrail",
        "AzureActivity",
        "BehaviorAnalytics",
        "CloudAppEvents",
        "CommonSecurityLog",
        "DeviceEvents",
        "DeviceFileCertificateInfo",
        "DeviceFileEvents",
        "DeviceImageLoadEvents",
        "DeviceInfo",
        "DeviceLogonEvents",
        "DeviceNetworkEvents",
        "DeviceNetworkInfo",
        "DeviceProcessEvents",
        "DeviceRegistryEvents",
        "DnsEvents",
        "EmailEvents",
        "Event",
        "Heartbeat",
        "IdentityDirectoryEvents",
        "IdentityInfo",
        "IdentityLogonEvents",
        "LAQueryLogs",
        "OfficeActivity",
        "Operation",
        "Perf",
        "SecurityAlert",
        "SecurityEvent",
        "SecurityIncident",
        "SecurityIoTRawEvent",
        "SecurityRecommendation",
        "SecurityRegulatoryCompliance",
        "SigninLogs",
        "Syslog",
        "ThreatIntelligenceIndicator",
        "Update",
        "Usage",
        "VMConnection",
        "W3CIISLog",
        "Watchlist",
        "WindowsEvent",
    ];

    #[test]
    fn every_column_of_the_most_used_tables_says_what_it_holds() {
        let registry = TableRegistry::shipped().unwrap();
        for name in MOST_USED {
            let table = registry.get(name).unwrap();
            let silent = table.columns.iter().filter(|column| column.description.is_empty());
            let silent: Vec<&str> = silent.map(|column| column.name.as_str()).collect();
            assert!(silent.is_empty(), "{name}: {silent:?}");
        }
    }

    #[test]
    fn shipped_tables_load() {
        let registry = TableRegistry::shipped().unwrap();
        assert!(registry.len() > 100, "{}", registry.len());
        let heartbeat = registry.get("heartbeat").unwrap();
        assert_eq!(heartbeat.column("TimeGenerated").unwrap().ty, KqlType::DateTime);
        assert_eq!(heartbeat.column("_TimeReceived").unwrap().ty, KqlType::DateTime);
    }

    #[test]
    fn refuses_duplicates_and_wrong_file_names() {
        let mut registry = TableRegistry::default();
        let twice = "name: T\ncolumns: [{name: a, type: long}, {name: a, type: int}]";
        assert!(matches!(registry.add_yaml("T.yaml", twice), Err(RegistryError::DuplicateColumn { .. })));
        let other = "name: T\ncolumns: [{name: a, type: long}]";
        assert!(matches!(registry.add_yaml("U.yaml", other), Err(RegistryError::FileName { .. })));
        assert!(matches!(registry.add_yaml("T.yaml", "columns: 3"), Err(RegistryError::Malformed { .. })));
    }
}
