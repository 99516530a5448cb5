//! One analytics rule, whatever file or resource it came from.

use bartizan_base::{RuleId, Timespan};
use serde::{Deserialize, Serialize};

/// Shortest and longest frequency and period of a scheduled rule. Sentinel's are 5 minutes and 14 days; a minute
/// costs nothing here.
pub const SCHEDULE_MIN: Timespan = Timespan::from_seconds(60);
/// See [`SCHEDULE_MIN`].
pub const SCHEDULE_MAX: Timespan = Timespan::from_seconds(14 * 86_400);
/// How far back an NRT rule sees when it does not say: rows that arrived within this time count together.
pub const NRT_PERIOD_DEFAULT: Timespan = Timespan::from_seconds(5 * 60);
/// Entity mappings a rule may have (Sentinel's limit).
pub const ENTITY_MAPPINGS_MAX: usize = 10;
/// Custom details a rule may have (Sentinel's limit).
pub const CUSTOM_DETAILS_MAX: usize = 20;

/// How a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleKind {
    /// Every `query_frequency`, over the rows that arrived in the last `query_period`.
    Scheduled,
    /// Within seconds of a row's arrival.
    #[serde(rename = "NRT")]
    Nrt,
}

/// `Informational` … `High`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
}

impl Severity {
    /// The word used on the wire and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// Compares the number of results with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerOperator {
    #[serde(alias = "gt")]
    GreaterThan,
    #[serde(alias = "lt")]
    LessThan,
    #[serde(alias = "eq")]
    Equal,
    #[serde(alias = "ne")]
    NotEqual,
}

impl TriggerOperator {
    /// Whether `count` results fire the rule.
    pub fn holds(self, count: u64, threshold: u64) -> bool {
        match self {
            Self::GreaterThan => count > threshold,
            Self::LessThan => count < threshold,
            Self::Equal => count == threshold,
            Self::NotEqual => count != threshold,
        }
    }
}

/// Which columns make an entity: `Host` from `HostName` = column `Computer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityMapping {
    pub entity_type: String,
    pub field_mappings: Vec<FieldMapping>,
}

/// One identifier of an entity and the result column that fills it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldMapping {
    pub identifier: String,
    pub column_name: String,
}

/// One alert for all results of a run, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AggregationKind {
    SingleAlert,
    AlertPerResult,
}

/// Which alerts share an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchingMethod {
    AllEntities,
    AnyAlert,
    Selected,
}

/// How alerts are grouped into incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grouping {
    pub enabled: bool,
    pub reopen_closed_incident: bool,
    /// ISO 8601 on the wire.
    #[serde(with = "span_text")]
    pub lookback_duration: Timespan,
    pub matching_method: MatchingMethod,
    #[serde(default)]
    pub group_by_entities: Vec<String>,
}

/// Templates that take values from the first result: `Sign-ins failed on {{Computer}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlertDetailsOverride {
    pub alert_display_name_format: Option<String>,
    pub alert_description_format: Option<String>,
    pub alert_severity_column_name: Option<String>,
    pub alert_tactics_column_name: Option<String>,
}

/// A rule, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyticsRule {
    pub id: RuleId,
    pub kind: RuleKind,
    pub enabled: bool,
    pub name: String,
    pub description: String,
    pub severity: Severity,
    pub query: String,
    pub query_frequency: Timespan,
    pub query_period: Timespan,
    pub trigger_operator: TriggerOperator,
    pub trigger_threshold: u64,
    pub tactics: Vec<String>,
    pub techniques: Vec<String>,
    pub entity_mappings: Vec<EntityMapping>,
    /// Detail name → column.
    pub custom_details: Vec<(String, String)>,
    pub alert_details_override: AlertDetailsOverride,
    pub aggregation: AggregationKind,
    pub create_incident: bool,
    pub grouping: Grouping,
    pub suppression_enabled: bool,
    pub suppression_duration: Timespan,
    pub version: String,
}

/// Why a rule cannot be used. Names the field and the way out.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("rule is not valid YAML")]
    Yaml(#[source] serde_norway::Error),
    #[error("rule resource has the wrong shape: {0}")]
    Shape(String),
    #[error("rule field `{field}` is `{value}`: {wanted}")]
    Field { field: &'static str, value: String, wanted: String },
    #[error("rule kind `{0}` is not run by this server")]
    Kind(String),
}

impl RuleError {
    pub(crate) fn field(field: &'static str, value: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::Field { field, value: value.into(), wanted: wanted.into() }
    }
}

impl AnalyticsRule {
    /// Checks limits that hold for a rule from any source.
    pub(crate) fn checked(self) -> Result<Self, RuleError> {
        if self.query.trim().is_empty() {
            return Err(RuleError::field("query", "", "a rule needs a query"));
        }
        if self.kind == RuleKind::Scheduled {
            for (field, span) in
                [("queryFrequency", self.query_frequency), ("queryPeriod", self.query_period)]
            {
                if span < SCHEDULE_MIN || span > SCHEDULE_MAX {
                    return Err(RuleError::field(field, span.to_string(), "1 minute to 14 days"));
                }
            }
            if self.query_period < self.query_frequency {
                return Err(RuleError::field(
                    "queryPeriod",
                    self.query_period.to_string(),
                    "at least queryFrequency, or rows between two runs would be skipped",
                ));
            }
        }
        if self.entity_mappings.len() > ENTITY_MAPPINGS_MAX {
            let count = self.entity_mappings.len().to_string();
            return Err(RuleError::field("entityMappings", count, "at most 10 mappings"));
        }
        if self.custom_details.len() > CUSTOM_DETAILS_MAX {
            let count = self.custom_details.len().to_string();
            return Err(RuleError::field("customDetails", count, "at most 20 details"));
        }
        Ok(self)
    }
}

mod span_text {
    use bartizan_base::Timespan;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Timespan, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::duration::to_iso(*span))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timespan, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::duration::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration such as PT5H")))
    }
}
