//! Sentinel's public rule YAML → [`AnalyticsRule`]. Field names are Sentinel's; durations are `1h`, operators
//! `gt`. Fields this version does not use are accepted, so that published rules load unchanged.

use std::collections::BTreeMap;

use bartizan_base::{RuleId, Timespan};
use serde::Deserialize;

use crate::duration;
use crate::rule::{
    AggregationKind, AlertDetailsOverride, AnalyticsRule, EntityMapping, Grouping, MatchingMethod,
    NRT_PERIOD_DEFAULT, RuleError, RuleKind, Severity, TriggerOperator,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleFile {
    id: RuleId,
    name: String,
    #[serde(default)]
    description: String,
    severity: Severity,
    #[serde(default = "scheduled")]
    kind: String,
    query: String,
    query_frequency: Option<String>,
    query_period: Option<String>,
    trigger_operator: Option<TriggerOperator>,
    trigger_threshold: Option<u64>,
    #[serde(default)]
    tactics: Vec<String>,
    #[serde(default)]
    relevant_techniques: Vec<String>,
    #[serde(default)]
    entity_mappings: Vec<EntityMapping>,
    #[serde(default)]
    custom_details: BTreeMap<String, String>,
    #[serde(default)]
    alert_details_override: AlertDetailsOverride,
    event_grouping_settings: Option<EventGrouping>,
    incident_configuration: Option<IncidentConfiguration>,
    #[serde(default)]
    suppression_enabled: bool,
    suppression_duration: Option<String>,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventGrouping {
    aggregation_kind: AggregationKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncidentConfiguration {
    create_incident: bool,
    grouping_configuration: Option<Grouping>,
}

fn scheduled() -> String {
    "Scheduled".to_owned()
}

impl AnalyticsRule {
    /// Reads one rule file.
    ///
    /// # Errors
    /// When the text is not YAML, a required field is missing or wrong, or the kind is not run here.
    pub fn from_yaml(text: &str) -> Result<Self, RuleError> {
        let file: RuleFile = serde_norway::from_str(text).map_err(RuleError::Yaml)?;
        let kind = match file.kind.as_str() {
            "Scheduled" => RuleKind::Scheduled,
            "NRT" => RuleKind::Nrt,
            other => return Err(RuleError::Kind(other.to_owned())),
        };
        let span = |field: &'static str, text: &Option<String>| match text {
            Some(text) => duration::parse(text)
                .map(Some)
                .ok_or_else(|| RuleError::field(field, text.as_str(), "a duration such as 5m, 1h or 14d")),
            None => Ok(None),
        };
        let frequency = span("queryFrequency", &file.query_frequency)?;
        let period = span("queryPeriod", &file.query_period)?;
        let (query_frequency, query_period) = match (kind, frequency, period) {
            (RuleKind::Nrt, _, period) => (Timespan(0), period.unwrap_or(NRT_PERIOD_DEFAULT)),
            (RuleKind::Scheduled, Some(frequency), Some(period)) => (frequency, period),
            _ => {
                return Err(RuleError::field(
                    "queryFrequency",
                    "",
                    "a scheduled rule needs queryFrequency and queryPeriod",
                ));
            }
        };
        let aggregation = match (&file.event_grouping_settings, kind) {
            (Some(settings), _) => settings.aggregation_kind,
            (None, RuleKind::Nrt) => AggregationKind::AlertPerResult,
            (None, RuleKind::Scheduled) => AggregationKind::SingleAlert,
        };
        let incident = file.incident_configuration;
        let create_incident = incident.as_ref().is_none_or(|incident| incident.create_incident);
        let grouping = incident.and_then(|incident| incident.grouping_configuration);
        Self {
            id: file.id,
            kind,
            enabled: true,
            name: file.name,
            description: file.description.trim().to_owned(),
            severity: file.severity,
            query: file.query,
            query_frequency,
            query_period,
            trigger_operator: file.trigger_operator.unwrap_or(TriggerOperator::GreaterThan),
            trigger_threshold: file.trigger_threshold.unwrap_or(0),
            tactics: file.tactics,
            techniques: file.relevant_techniques,
            entity_mappings: file.entity_mappings,
            custom_details: file.custom_details.into_iter().collect(),
            alert_details_override: file.alert_details_override,
            aggregation,
            create_incident,
            grouping: grouping.unwrap_or_else(no_grouping),
            suppression_enabled: file.suppression_enabled,
            suppression_duration: span("suppressionDuration", &file.suppression_duration)?
                .unwrap_or(Timespan::from_seconds(5 * 3600)),
            version: file.version,
        }
        .checked()
    }
}

/// Sentinel's defaults: every alert makes an incident of its own, look-back five hours.
pub(crate) fn no_grouping() -> Grouping {
    Grouping {
        enabled: false,
        reopen_closed_incident: false,
        lookback_duration: Timespan::from_seconds(5 * 3600),
        matching_method: MatchingMethod::AllEntities,
        group_by_entities: Vec::new(),
    }
}
