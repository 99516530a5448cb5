//! Changes of posture as rows of `SecurityRecommendation`, `SecureScores` and `SecureScoreControls`.

use bartizan_base::{ErrorKind, ResourceId, TenantId, Ticks, WorkspaceId};
use bartizan_store::{AppendTarget, Store};
use serde_json::{Map, Value, json};

use crate::assessment::{Assessment, Code};
use crate::catalog::Control;
use crate::score::{ControlScore, SecureScore};

/// One row, by column.
pub type Row = Map<String, Value>;

/// Where rows go; the log store, or a list in tests.
#[async_trait::async_trait]
pub trait RowSink: Send + Sync + std::fmt::Debug {
    /// Appends rows to a standard table.
    async fn append(&self, table: &str, rows: Vec<Row>) -> Result<(), RowsRefused>;
}

/// Rows were not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("table `{table}` took no rows: {reason}")]
pub struct RowsRefused {
    pub table: String,
    pub reason: String,
    pub kind: ErrorKind,
}

/// The log store's default workspace.
pub struct StoreRows {
    pub store: Store,
    pub workspace: WorkspaceId,
    pub tenant: TenantId,
}

impl std::fmt::Debug for StoreRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreRows").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl RowSink for StoreRows {
    async fn append(&self, table: &str, rows: Vec<Row>) -> Result<(), RowsRefused> {
        let to = AppendTarget {
            workspace: self.workspace,
            tenant: self.tenant,
            table: table.to_owned(),
            batch: None,
            resource_id: None,
            force: std::collections::BTreeMap::new(),
        };
        let refused = |error: bartizan_store::StoreError| RowsRefused {
            table: table.to_owned(),
            kind: error.kind(),
            reason: error.to_string(),
        };
        self.store.append_rows(to, rows).await.map(|_| ()).map_err(refused)
    }
}

/// What a `SecurityRecommendation` row tells.
pub(crate) struct Recommended<'a> {
    pub(crate) assessment: &'a Assessment,
    pub(crate) resource: &'a ResourceId,
    pub(crate) id: &'a ResourceId,
    pub(crate) location: &'a Value,
    /// `properties` of the assessment resource.
    pub(crate) properties: &'a Value,
    pub(crate) code: Code,
}

pub(crate) fn recommendation(of: &Recommended<'_>, now: Ticks) -> Row {
    let status = &of.properties["status"];
    let resolved = (of.code != Code::Unhealthy).then(|| status["statusChangeDate"].clone());
    row(json!({
        "TimeGenerated": now,
        "AssessedResourceId": of.resource,
        "Description": of.assessment.description,
        "DiscoveredTimeUTC": status["firstEvaluationDate"],
        "Environment": of.properties["resourceDetails"]["source"],
        "FirstEvaluationDate": status["firstEvaluationDate"],
        "IsSnapshot": false,
        "PolicyDefinitionId": of.assessment.policy_definition_id().unwrap_or_default(),
        "Properties": of.properties,
        "ProviderName": "Microsoft.Security",
        "RecommendationAdditionalData": of.properties["additionalData"],
        "RecommendationDisplayName": of.assessment.display_name,
        "RecommendationId": of.id,
        "RecommendationName": of.assessment.key.to_string(),
        "RecommendationSeverity": of.assessment.severity,
        "RecommendationState": of.code.as_str(),
        "ResolvedTimeUTC": resolved,
        "ResourceRegion": of.location,
        "StatusChangeDate": status["statusChangeDate"],
    }))
}

pub(crate) fn secure_score(
    subscription: &ResourceId,
    score: &SecureScore,
    properties: &Value,
    now: Ticks,
) -> Row {
    row(json!({
        "TimeGenerated": now,
        "AssessedResourceId": subscription,
        "CurrentScore": score.current(),
        "DisplayName": properties["displayName"],
        "Environment": "OnPremise",
        "IsSnapshot": false,
        "MaxScore": score.max(),
        "PercentageScore": score.percentage(),
        "Properties": properties,
        "ResourceProviderType": "Microsoft.Security/secureScores",
        "SecureScoresSubscriptionId": subscription.name(),
        "SourceSystem": "Bartizan",
        "Weight": properties["weight"],
    }))
}

pub(crate) fn control_score(
    subscription: &ResourceId,
    control: &Control,
    score: &ControlScore,
    properties: &Value,
    now: Ticks,
) -> Row {
    row(json!({
        "TimeGenerated": now,
        "AssessedResourceId": subscription,
        "ControlId": control.id,
        "ControlName": control.display_name,
        "ControlType": "BuiltIn",
        "CurrentScore": score.current(),
        "Description": control.description,
        "Environment": "OnPremise",
        "HealthyResources": score.healthy,
        "IsSnapshot": false,
        "MaxScore": control.max_score,
        "NotApplicableResources": score.not_applicable,
        "PercentageScore": score.percentage(),
        "Properties": properties,
        "ResourceProviderType": "Microsoft.Security/secureScores/secureScoreControls",
        "SecureScoresSubscriptionId": subscription.name(),
        "SourceSystem": "Bartizan",
        "UnhealthyResources": score.unhealthy,
        "Weight": properties["weight"],
    }))
}

fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}
