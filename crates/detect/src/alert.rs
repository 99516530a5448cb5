//! One alert: what a rule found, ready to be a row of `SecurityAlert` and a resource.

use std::collections::BTreeMap;

use bartizan_base::{RuleId, Ticks};
use bartizan_content::AnalyticsRule;
use bartizan_content::rule::{AggregationKind, RuleKind, Severity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::context::Workspace;
use crate::entities::{Row, entities, fill, text};

/// Alerts that one run may raise when every result is an alert (Sentinel's limits).
const ALERTS_PER_RUN_MAX: usize = 150;
/// Values kept per custom detail, and bytes per detail (Sentinel's limits).
const DETAIL_VALUES_MAX: usize = 50;
const DETAIL_BYTES_MAX: usize = 2_048;
/// Result rows that the alert shows as evidence.
const EVENTS_SHOWN_MAX: usize = 10;

/// An alert, before and after delivery. Serialised into the rule's state until it is delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// `SystemAlertId`: derived from rule, run and place, so that a repeated delivery is the same alert.
    pub id: Uuid,
    pub rule: RuleId,
    pub rule_name: String,
    pub rule_kind: RuleKind,
    pub name: String,
    pub description: String,
    pub severity: Severity,
    pub tactics: Vec<String>,
    pub techniques: Vec<String>,
    pub entities: Vec<Value>,
    pub custom_details: BTreeMap<String, Vec<String>>,
    pub query: String,
    pub start: Ticks,
    pub end: Ticks,
    pub time: Ticks,
    /// The first results, as evidence.
    pub events: Vec<Row>,
    pub events_count: u64,
    /// The machine that the alert is about, when a host entity names one that is connected.
    pub machine: Option<String>,
}

/// Turns the results of run number `run` into alerts.
pub(crate) fn alerts(rule: &AnalyticsRule, run: u64, rows: Vec<Row>, now: Ticks) -> Vec<Alert> {
    match rule.aggregation {
        AggregationKind::SingleAlert => vec![alert(rule, run, 0, rows, now)],
        AggregationKind::AlertPerResult => {
            let mut rows = rows;
            // The last alert stands for everything beyond the limit, so that nothing goes unseen.
            let rest = if rows.len() > ALERTS_PER_RUN_MAX {
                rows.split_off(ALERTS_PER_RUN_MAX - 1)
            } else {
                Vec::new()
            };
            let mut groups: Vec<Vec<Row>> = rows.into_iter().map(|row| vec![row]).collect();
            if !rest.is_empty() {
                groups.push(rest);
            }
            groups.into_iter().enumerate().map(|(at, rows)| alert(rule, run, at, rows, now)).collect()
        }
    }
}

fn alert(rule: &AnalyticsRule, run: u64, place: usize, rows: Vec<Row>, now: Ticks) -> Alert {
    let empty = Row::new();
    let first = rows.first().unwrap_or(&empty);
    let overrides = &rule.alert_details_override;
    let filled = |template: &Option<String>, default: &str| {
        let text = template.as_ref().map(|template| fill(template, first)).unwrap_or_default();
        if text.trim().is_empty() { default.to_owned() } else { text }
    };
    let severity = overrides.alert_severity_column_name.as_ref().and_then(|column| first.get(column));
    let severity =
        severity.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or(rule.severity);
    Alert {
        id: Uuid::new_v5(&rule.id.0, format!("{run}/{place}").as_bytes()),
        rule: rule.id,
        rule_name: rule.name.clone(),
        rule_kind: rule.kind,
        name: filled(&overrides.alert_display_name_format, &rule.name),
        description: filled(&overrides.alert_description_format, &rule.description),
        severity,
        tactics: rule.tactics.clone(),
        techniques: rule.techniques.clone(),
        entities: entities(rule, &rows),
        custom_details: custom_details(rule, &rows),
        query: rule.query.clone(),
        start: moment(&rows, &["StartTime", "StartTimeUtc", "TimeGenerated"])
            .into_iter()
            .min()
            .unwrap_or(now),
        end: moment(&rows, &["EndTime", "EndTimeUtc", "TimeGenerated"]).into_iter().max().unwrap_or(now),
        time: now,
        events_count: rows.len() as u64,
        events: rows.into_iter().take(EVENTS_SHOWN_MAX).collect(),
        machine: None,
    }
}

/// The moments in the first of `columns` that each row has.
fn moment(rows: &[Row], columns: &[&str]) -> Vec<Ticks> {
    rows.iter()
        .filter_map(|row| columns.iter().find_map(|column| Ticks::parse(row.get(*column)?.as_str()?).ok()))
        .collect()
}

fn custom_details(rule: &AnalyticsRule, rows: &[Row]) -> BTreeMap<String, Vec<String>> {
    let mut out = BTreeMap::new();
    for (name, column) in &rule.custom_details {
        let mut values: Vec<String> = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let value = row.get(column).map(text).unwrap_or_default();
            bytes += value.len();
            if values.len() >= DETAIL_VALUES_MAX || bytes > DETAIL_BYTES_MAX {
                break;
            }
            if !value.is_empty() && !values.contains(&value) {
                values.push(value);
            }
        }
        out.insert(name.clone(), values);
    }
    out
}

impl Alert {
    fn provider(&self) -> &'static str {
        match self.rule_kind {
            RuleKind::Scheduled => "ASI Scheduled Alerts",
            RuleKind::Nrt => "ASI NRT Alerts",
        }
    }

    /// Host, address or account that the alert is mainly about.
    pub(crate) fn compromised_entity(&self) -> String {
        let of = |ty: &str, field: &str| {
            self.entities.iter().find(|entity| entity["Type"] == ty).map(|entity| text(&entity[field]))
        };
        of("host", "HostName")
            .or_else(|| of("ip", "Address"))
            .or_else(|| of("account", "Name"))
            .unwrap_or_default()
    }

    fn extended_properties(&self) -> Value {
        json!({
            "Query": self.query,
            "Query Start Time UTC": self.start,
            "Query End Time UTC": self.end,
            "Trigger Operator": "GreaterThan",
            "Search Query Results Overall Count": self.events_count.to_string(),
            "Analytic Rule Ids": json!([self.rule]).to_string(),
            "Analytic Rule Name": self.rule_name,
            "Custom Details": serde_json::to_string(&self.custom_details).unwrap_or_default(),
            "Events": serde_json::to_string(&self.events).unwrap_or_default(),
        })
    }

    /// The row of `SecurityAlert`. Column names and the product and provider words are those of Sentinel,
    /// which queries and automation filter on.
    pub(crate) fn row(&self, workspace: &Workspace, portal_url: &str) -> Map<String, Value> {
        let row = json!({
            "TimeGenerated": self.time,
            "AlertName": self.name,
            "DisplayName": self.name,
            "AlertSeverity": self.severity,
            "AlertType": format!("{}_{}", workspace.id, self.rule),
            "AlertLink": format!("{portal_url}/alerts/{}", self.id),
            "CompromisedEntity": self.compromised_entity(),
            "Description": self.description,
            "StartTime": self.start,
            "EndTime": self.end,
            "Entities": Value::from(self.entities.clone()).to_string(),
            "ExtendedProperties": self.extended_properties().to_string(),
            "IsIncident": false,
            "ProcessingEndTime": self.time,
            "ProductName": "Azure Sentinel",
            "ProductComponentName": if self.rule_kind == RuleKind::Nrt { "NRT Alerts" } else { "Scheduled Alerts" },
            "ProviderName": self.provider(),
            "VendorName": "Bartizan",
            "VendorOriginalId": self.id,
            "ResourceId": self.machine.clone().unwrap_or_default(),
            "Status": "New",
            "SystemAlertId": self.id,
            "Tactics": self.tactics.join(", "),
            "Techniques": json!(self.techniques.iter().map(|t| t.split('.').next()).collect::<Vec<_>>()).to_string(),
            "SubTechniques": json!(self.techniques.iter().filter(|t| t.contains('.')).collect::<Vec<_>>()).to_string(),
            "WorkspaceSubscriptionId": workspace.subscription(),
            "WorkspaceResourceGroup": workspace.resource.resource_group(),
        });
        match row {
            Value::Object(row) => row,
            _ => Map::new(),
        }
    }

    /// The body of the alert as an entity of incidents (`SecurityAlert` of the incidents API).
    pub(crate) fn insights_body(&self) -> Value {
        json!({
            "kind": "SecurityAlert",
            "properties": {
                "systemAlertId": self.id,
                "alertDisplayName": self.name,
                "friendlyName": self.name,
                "description": self.description,
                "severity": self.severity,
                "status": "New",
                "tactics": self.tactics,
                "confidenceLevel": "Unknown",
                "vendorName": "Bartizan",
                "productName": "Azure Sentinel",
                "providerAlertId": self.id,
                "alertType": self.rule_name,
                "alertLink": format!("/alerts/{}", self.id),
                "compromisedEntity": self.compromised_entity(),
                "startTimeUtc": self.start,
                "endTimeUtc": self.end,
                "timeGenerated": self.time,
                "processingEndTime": self.time,
                "resourceIdentifiers": self.machine.iter().map(|id| json!({"type": "AzureResource", "azureResourceId": id})).collect::<Vec<_>>(),
                "additionalData": {
                    "Query": self.query,
                    "AnalyticRuleId": self.rule,
                    "AnalyticRuleName": self.rule_name,
                    "CustomDetails": self.custom_details,
                    "Events": self.events,
                    "EventsCount": self.events_count,
                    "Entities": self.entities,
                    "Techniques": self.techniques,
                },
            },
        })
    }

    /// The body of `Microsoft.Security/alerts`.
    pub(crate) fn security_body(&self, portal_url: &str) -> Value {
        json!({
            "properties": {
                "version": "2022-01-01",
                "alertType": self.rule_name,
                "systemAlertId": self.id,
                "productComponentName": self.provider(),
                "alertDisplayName": self.name,
                "description": self.description,
                "severity": self.severity,
                "intent": self.tactics.first(),
                "startTimeUtc": self.start,
                "endTimeUtc": self.end,
                "resourceIdentifiers": self.machine.iter().map(|id| json!({"type": "AzureResource", "azureResourceId": id})).collect::<Vec<_>>(),
                "vendorName": "Bartizan",
                "status": "Active",
                "extendedLinks": [],
                "alertUri": format!("{portal_url}/alerts/{}", self.id),
                "timeGeneratedUtc": self.time,
                "productName": "Bartizan",
                "processingEndTimeUtc": self.time,
                "entities": self.entities.iter().map(api_entity).collect::<Vec<_>>(),
                "isIncident": false,
                "extendedProperties": self.custom_details.iter().map(|(name, values)| (name.clone(), values.join(", "))).collect::<BTreeMap<_, _>>(),
                "compromisedEntity": self.compromised_entity(),
                "techniques": self.techniques,
            },
        })
    }
}

/// Entities of `Microsoft.Security/alerts` have a lower-camel `type` and fields.
fn api_entity(entity: &Value) -> Value {
    let mut out = Map::new();
    for (name, value) in entity.as_object().into_iter().flatten() {
        let mut chars = name.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase().to_string()).unwrap_or_default();
        out.insert(first + chars.as_str(), value.clone());
    }
    Value::Object(out)
}
