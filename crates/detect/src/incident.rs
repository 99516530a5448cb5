//! Groups alerts into incidents.

use std::collections::BTreeSet;

use bartizan_base::{RuleId, Ticks};
use bartizan_content::AnalyticsRule;
use bartizan_content::rule::MatchingMethod;
use bartizan_records::{Actor, Records, RecordsError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::alert::Alert;
use crate::context::DetectContext;
use crate::entities;
use crate::error::DetectError;

/// Alerts one incident may hold (Sentinel's limit); the next one opens another incident.
const ALERTS_PER_INCIDENT_MAX: u64 = 150;
/// Incidents kept as candidates for grouping; the oldest go first.
const CANDIDATES_MAX: usize = 2_000;
const NUMBER_KEY: &str = "detect/incidentNumber";
const CANDIDATES_KEY: &str = "detect/incidentCandidates";

/// An incident that a later alert may join.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    id: Uuid,
    rule: RuleId,
    created: Ticks,
    /// Entity keys of all alerts in it.
    entities: BTreeSet<String>,
    /// Ids of its alerts: a repeated delivery finds its own.
    alerts: BTreeSet<Uuid>,
}

/// The incidents of one workspace. One writer at a time: two alerts of one attack must not open two incidents.
pub(crate) struct Incidents {
    candidates: Mutex<Vec<Candidate>>,
}

impl Incidents {
    /// Loads the candidates.
    pub(crate) async fn load(records: &Records) -> Result<Self, DetectError> {
        let candidates = match records.get_state(CANDIDATES_KEY).await? {
            Some(value) => serde_json::from_value(value)
                .map_err(|source| DetectError::State { key: CANDIDATES_KEY.to_owned(), source })?,
            None => Vec::new(),
        };
        Ok(Self { candidates: Mutex::new(candidates) })
    }

    /// Adds an alert to the incident it belongs to, or opens a new one.
    pub(crate) async fn add(
        &self,
        ctx: &DetectContext,
        rule: &AnalyticsRule,
        alert: &Alert,
    ) -> Result<(), DetectError> {
        let mut candidates = self.candidates.lock().await;
        if candidates.iter().any(|candidate| candidate.alerts.contains(&alert.id)) {
            return Ok(());
        }
        let keys: BTreeSet<String> = alert.entities.iter().map(entities::key).collect();
        let mut joined = None;
        if rule.grouping.enabled {
            for (at, candidate) in candidates.iter().enumerate().rev() {
                if matches(rule, candidate, alert, &keys) && join(ctx, rule, candidate.id, alert).await? {
                    joined = Some(at);
                    break;
                }
            }
        }
        match joined {
            Some(at) => {
                candidates[at].alerts.insert(alert.id);
                candidates[at].entities.extend(keys);
            }
            None => {
                let id = open(ctx, rule, alert).await?;
                let alerts = [alert.id].into();
                candidates.push(Candidate { id, rule: rule.id, created: alert.time, entities: keys, alerts });
                let excess = candidates.len().saturating_sub(CANDIDATES_MAX);
                candidates.drain(..excess);
            }
        }
        let value = serde_json::to_value(&*candidates)
            .map_err(|source| DetectError::State { key: CANDIDATES_KEY.to_owned(), source })?;
        Ok(ctx.records.put_state(CANDIDATES_KEY, value).await?)
    }
}

/// Whether the rule's grouping lets `alert` join `candidate`.
fn matches(rule: &AnalyticsRule, candidate: &Candidate, alert: &Alert, keys: &BTreeSet<String>) -> bool {
    if candidate.rule != rule.id
        || candidate.alerts.len() as u64 >= ALERTS_PER_INCIDENT_MAX
        || alert.time - candidate.created > rule.grouping.lookback_duration
    {
        return false;
    }
    match rule.grouping.matching_method {
        MatchingMethod::AnyAlert => true,
        MatchingMethod::AllEntities => candidate.entities == *keys,
        MatchingMethod::Selected => {
            let selected = |keys: &BTreeSet<String>| -> BTreeSet<String> {
                let wanted = |key: &&String| {
                    let ty = key.split('|').next().unwrap_or_default();
                    rule.grouping.group_by_entities.iter().any(|name| name.eq_ignore_ascii_case(ty))
                };
                keys.iter().filter(wanted).cloned().collect()
            };
            selected(&candidate.entities) == selected(keys)
        }
    }
}

/// Adds the alert to an incident; `false` when that incident is gone or closed for good.
async fn join(
    ctx: &DetectContext,
    rule: &AnalyticsRule,
    id: Uuid,
    alert: &Alert,
) -> Result<bool, DetectError> {
    let incident = ctx.workspace.insights(&format!("incidents/{id}"))?;
    let reopen = rule.grouping.reopen_closed_incident;
    let Some(found) = ctx.records.get(&incident).await? else { return Ok(false) };
    if found.property("status").is_some_and(|status| status == "Closed") && !reopen {
        return Ok(false);
    }
    // The relation comes first: the row that the change below makes lists the incident's alerts.
    relate(ctx, id, alert).await?;
    let now = ctx.clock.now();
    let edited = ctx
        .records
        .modify(&incident, &Actor::system("detect"), false, |body| {
            let properties = &mut body["properties"];
            if properties["status"] == "Closed" && reopen {
                properties["status"] = "Active".into();
            }
            let count = properties["additionalData"]["alertsCount"].as_u64().unwrap_or(0);
            properties["additionalData"]["alertsCount"] = (count + 1).into();
            let later = |old: &Value| {
                Ticks::parse(old.as_str().unwrap_or_default()).map_or(alert.end, |old| old.max(alert.end))
            };
            properties["lastActivityTimeUtc"] = json!(later(&properties["lastActivityTimeUtc"]));
            properties["lastModifiedTimeUtc"] = json!(now);
            properties["title"] = alert.name.clone().into();
            true
        })
        .await;
    match edited {
        Ok(_) => Ok(true),
        Err(RecordsError::Missing(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens an incident for the alert. Its id follows from the alert's, so that a repeat finds it.
async fn open(ctx: &DetectContext, rule: &AnalyticsRule, alert: &Alert) -> Result<Uuid, DetectError> {
    let id = Uuid::new_v5(&alert.id, b"incident");
    let incident = ctx.workspace.insights(&format!("incidents/{id}"))?;
    relate(ctx, id, alert).await?;
    if ctx.records.get(&incident).await?.is_none() {
        let now = ctx.clock.now();
        let body = json!({
            "properties": {
                "title": alert.name,
                "description": alert.description,
                "severity": alert.severity,
                "status": "New",
                "owner": {"objectId": null, "email": null, "assignedTo": null, "userPrincipalName": null},
                "labels": [],
                "incidentNumber": next_number(&ctx.records).await?,
                "incidentUrl": format!("{}/incidents/{id}", ctx.portal_url),
                "providerName": "Azure Sentinel",
                "firstActivityTimeUtc": alert.start,
                "lastActivityTimeUtc": alert.end,
                "createdTimeUtc": now,
                "lastModifiedTimeUtc": now,
                "relatedAnalyticRuleIds": [ctx.workspace.insights(&format!("alertRules/{}", rule.id))?],
                "additionalData": {
                    "alertsCount": 1,
                    "bookmarksCount": 0,
                    "commentsCount": 0,
                    "alertProductNames": ["Azure Sentinel"],
                    "tactics": alert.tactics,
                    "techniques": alert.techniques,
                },
            },
        });
        ctx.put_once(incident, body).await?;
    }
    Ok(id)
}

/// Numbers people can say aloud: 1, 2, 3 … A crash may skip one.
async fn next_number(records: &Records) -> Result<u64, DetectError> {
    let number = records.get_state(NUMBER_KEY).await?.and_then(|value| value.as_u64()).unwrap_or(0) + 1;
    records.put_state(NUMBER_KEY, number.into()).await?;
    Ok(number)
}

async fn relate(ctx: &DetectContext, incident: Uuid, alert: &Alert) -> Result<(), DetectError> {
    let entity = ctx.workspace.insights(&format!("entities/{}", alert.id))?;
    let relation = ctx.workspace.insights(&format!("incidents/{incident}/relations/{}", alert.id))?;
    let body = json!({
        "properties": {
            "relatedResourceId": entity,
            "relatedResourceName": alert.id,
            "relatedResourceType": "Microsoft.SecurityInsights/entities",
            "relatedResourceKind": "SecurityAlert",
        },
    });
    ctx.put_once(relation, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(grouping: &str) -> AnalyticsRule {
        AnalyticsRule::from_yaml(&format!(
            "id: 00000000-0000-0000-0000-000000000001\nname: r\nseverity: Low\nquery: T\nkind: NRT\n\
             entityMappings:\n  - {{entityType: Host, fieldMappings: [{{identifier: HostName, columnName: h}}]}}\n  - {{entityType: IP, fieldMappings: [{{identifier: Address, columnName: a}}]}}\n\
             incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {grouping}"
        ))
        .unwrap()
    }

    fn joins(grouping: &str, first: Value, second: Value, seconds_later: i64) -> bool {
        let rule = rule(grouping);
        let start = Ticks(630_000_000_000_000_000);
        let alert = |row: Value, time| {
            crate::alert::alerts(&rule, 1, vec![row.as_object().unwrap().clone()], time).remove(0)
        };
        let keys = |alert: &Alert| alert.entities.iter().map(entities::key).collect::<BTreeSet<_>>();
        let first = alert(first, start);
        let second = alert(second, start + bartizan_base::Timespan::from_seconds(seconds_later));
        let candidate = Candidate {
            id: Uuid::nil(),
            rule: rule.id,
            created: first.time,
            entities: keys(&first),
            alerts: [Uuid::nil()].into(),
        };
        matches(&rule, &candidate, &second, &keys(&second))
    }

    #[test]
    fn grouping_methods() {
        let all =
            "{enabled: true, reopenClosedIncident: false, lookbackDuration: 5h, matchingMethod: AllEntities}";
        let selected = "{enabled: true, reopenClosedIncident: false, lookbackDuration: 5h, matchingMethod: Selected, groupByEntities: [Host]}";
        let any =
            "{enabled: true, reopenClosedIncident: false, lookbackDuration: 1h, matchingMethod: AnyAlert}";
        let a = json!({"h": "web", "a": "192.0.2.1"});
        let b = json!({"h": "WEB", "a": "192.0.2.2"});
        let c = json!({"h": "db", "a": "192.0.2.1"});
        assert!(joins(all, a.clone(), json!({"h": "Web", "a": "192.0.2.1"}), 60));
        assert!(!joins(all, a.clone(), b.clone(), 60));
        assert!(joins(selected, a.clone(), b, 60));
        assert!(!joins(selected, a.clone(), c.clone(), 60));
        assert!(joins(any, a.clone(), c.clone(), 60));
        assert!(!joins(any, a, c, 7200));
    }
}
