//! `Microsoft.Security/tasks`: the older form of recommendations. A task is an unhealthy assessment; it is there as
//! long as the assessment is unhealthy, so it has no state of its own to set.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::arm::kind::{Kind, computed};
use crate::http::Failure;

const ASSESSMENT_TYPE: &str = "Microsoft.Security/assessments";

pub(super) struct Tasks;

#[async_trait]
impl Kind for Tasks {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let Some(place) = id.parent() else { return Ok(None) };
        let all = self.absent_all(app, &place).await?;
        Ok(all.into_iter().find(|task| task.id == *id))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        // `…/locations/{name}` is a place within a scope; there is one place.
        let in_location = scope.resource_type().to_ascii_lowercase().ends_with("/locations");
        if in_location && !scope.name().eq_ignore_ascii_case(&app.home.location) {
            return Ok(Vec::new());
        }
        let within = if in_location { scope.parent() } else { Some(scope.clone()) };
        let within = within.unwrap_or_else(|| app.home.subscription_id());
        let assessments = app.records.list_all(&within, ASSESSMENT_TYPE).await?;
        Ok(assessments.iter().filter_map(|assessment| task(app, &within, assessment)).collect())
    }
}

fn task(app: &App, within: &ResourceId, assessment: &Resource) -> Option<Resource> {
    let status = assessment.property("status")?;
    if status["code"] != "Unhealthy" {
        return None;
    }
    let subject = assessment.id.parent()?;
    let metadata = assessment.property("metadata").cloned().unwrap_or_default();
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, assessment.id.key().as_bytes());
    let path = format!("providers/Microsoft.Security/locations/{}/tasks/{name}", app.home.location);
    let body = json!({"properties": {
        "state": "Active",
        "subState": "NA",
        "creationTimeUtc": status["firstEvaluationDate"],
        "lastStateChangeTimeUtc": status["statusChangeDate"],
        "securityTaskParameters": {
            "name": assessment.property("displayName").cloned().unwrap_or(Value::Null),
            "assessmentKey": assessment.id.name(),
            "severity": metadata["severity"],
            "policyName": metadata["displayName"],
            "resourceId": subject,
            "resourceName": subject.name(),
            "resourceType": subject.resource_type(),
        },
    }});
    // Named below the scope that was asked for, so that a client can read back what a list told it.
    Some(computed(within.join(&path).ok()?, body))
}
