//! [`AnalyticsRule`] ↔ the body of `Microsoft.SecurityInsights/alertRules`.

use bartizan_base::{RuleId, Timespan};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::duration::{parse, to_iso};
use crate::rule::{
    AggregationKind, AlertDetailsOverride, AnalyticsRule, Grouping, NRT_PERIOD_DEFAULT, RuleError, RuleKind,
    TriggerOperator,
};
use crate::rule_yaml::no_grouping;

impl AnalyticsRule {
    /// The resource body (`kind` and `properties`), as `alertRules` PUT and GET carry it.
    pub fn to_arm(&self) -> Value {
        let mut properties = json!({
            "displayName": self.name,
            "description": self.description,
            "severity": self.severity,
            "enabled": self.enabled,
            "query": self.query,
            "tactics": self.tactics,
            "techniques": self.techniques,
            "entityMappings": self.entity_mappings,
            "customDetails": self.custom_details.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "alertDetailsOverride": self.alert_details_override,
            "eventGroupingSettings": {"aggregationKind": self.aggregation},
            "incidentConfiguration": {
                "createIncident": self.create_incident,
                "groupingConfiguration": self.grouping,
            },
            "suppressionEnabled": self.suppression_enabled,
            "suppressionDuration": to_iso(self.suppression_duration),
            "templateVersion": self.version,
        });
        if self.kind == RuleKind::Scheduled {
            properties["queryFrequency"] = to_iso(self.query_frequency).into();
            properties["queryPeriod"] = to_iso(self.query_period).into();
            properties["triggerOperator"] = json!(self.trigger_operator);
            properties["triggerThreshold"] = self.trigger_threshold.into();
        } else {
            // Not a field of Sentinel's NRT rules, which look back one fixed minute.
            properties["queryPeriod"] = to_iso(self.query_period).into();
        }
        json!({"kind": self.kind, "properties": properties})
    }

    /// Reads a resource body. `id` is the last segment of the resource id.
    ///
    /// # Errors
    /// When a field is missing or has the wrong type, or the kind is not run here.
    pub fn from_arm(id: RuleId, body: &Value) -> Result<Self, RuleError> {
        let kind = match body["kind"].as_str().unwrap_or_default() {
            "Scheduled" => RuleKind::Scheduled,
            "NRT" => RuleKind::Nrt,
            other => return Err(RuleError::Kind(other.to_owned())),
        };
        let properties = body["properties"]
            .as_object()
            .ok_or_else(|| RuleError::Shape("`properties` is not an object".to_owned()))?;
        let (query_frequency, query_period) = match kind {
            RuleKind::Scheduled => {
                (required_span(properties, "queryFrequency")?, required_span(properties, "queryPeriod")?)
            }
            RuleKind::Nrt => (Timespan(0), span(properties, "queryPeriod")?.unwrap_or(NRT_PERIOD_DEFAULT)),
        };
        let event_grouping: Option<Map<String, Value>> = optional(properties, "eventGroupingSettings")?;
        let aggregation = match event_grouping.as_ref().filter(|settings| !settings.is_empty()) {
            Some(settings) => required(settings, "aggregationKind")?,
            None if kind == RuleKind::Nrt => AggregationKind::AlertPerResult,
            None => AggregationKind::SingleAlert,
        };
        let incident: Map<String, Value> = optional(properties, "incidentConfiguration")?.unwrap_or_default();
        let details: Option<std::collections::BTreeMap<String, String>> =
            optional(properties, "customDetails")?;
        let grouping: Option<Grouping> = optional(&incident, "groupingConfiguration")?;
        let overrides: Option<AlertDetailsOverride> = optional(properties, "alertDetailsOverride")?;
        Self {
            id,
            kind,
            enabled: optional(properties, "enabled")?.unwrap_or(true),
            name: required(properties, "displayName")?,
            description: optional(properties, "description")?.unwrap_or_default(),
            severity: required(properties, "severity")?,
            query: required(properties, "query")?,
            query_frequency,
            query_period,
            trigger_operator: optional(properties, "triggerOperator")?
                .unwrap_or(TriggerOperator::GreaterThan),
            trigger_threshold: optional(properties, "triggerThreshold")?.unwrap_or(0),
            tactics: optional(properties, "tactics")?.unwrap_or_default(),
            techniques: optional(properties, "techniques")?.unwrap_or_default(),
            entity_mappings: optional(properties, "entityMappings")?.unwrap_or_default(),
            custom_details: details.unwrap_or_default().into_iter().collect(),
            alert_details_override: overrides.unwrap_or_default(),
            aggregation,
            create_incident: optional(&incident, "createIncident")?.unwrap_or(true),
            grouping: grouping.unwrap_or_else(no_grouping),
            suppression_enabled: optional(properties, "suppressionEnabled")?.unwrap_or(false),
            suppression_duration: span(properties, "suppressionDuration")?
                .unwrap_or(Timespan::from_seconds(5 * 3600)),
            version: optional(properties, "templateVersion")?.unwrap_or_default(),
        }
        .checked()
    }
}

fn optional<T: DeserializeOwned>(map: &Map<String, Value>, field: &str) -> Result<Option<T>, RuleError> {
    match map.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|error| RuleError::Shape(format!("`properties.{field}`: {error}"))),
    }
}

fn required<T: DeserializeOwned>(map: &Map<String, Value>, field: &str) -> Result<T, RuleError> {
    optional(map, field)?.ok_or_else(|| RuleError::Shape(format!("`properties.{field}` is missing")))
}

fn span(map: &Map<String, Value>, field: &'static str) -> Result<Option<Timespan>, RuleError> {
    let text: Option<String> = optional(map, field)?;
    text.map(|text| {
        parse(&text)
            .ok_or_else(|| RuleError::field(field, text.as_str(), "an ISO 8601 duration such as PT5M"))
    })
    .transpose()
}

fn required_span(map: &Map<String, Value>, field: &'static str) -> Result<Timespan, RuleError> {
    span(map, field)?.ok_or_else(|| RuleError::Shape(format!("`properties.{field}` is missing")))
}
