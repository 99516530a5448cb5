//! Reports of guest configuration: of each audit the newest one, which its result holds.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::json;

use crate::app::App;
use crate::arm::kind::{Kind, computed};
use crate::http::Failure;

pub(super) struct Reports;

#[async_trait]
impl Kind for Reports {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let Some(assignment) = id.parent() else { return Ok(None) };
        let all = self.absent_all(app, &assignment).await?;
        Ok(all.into_iter().find(|report| report.id == *id))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let Some(assignment) = app.records.get(scope).await? else { return Ok(Vec::new()) };
        let Some(report) = assignment.property("latestAssignmentReport") else { return Ok(Vec::new()) };
        let name = report["reportId"].as_str().unwrap_or_default();
        let id = scope.join(&format!("reports/{name}")).ok();
        let mut properties = report.clone();
        properties["details"] = json!({
            "complianceStatus": report["complianceStatus"], "startTime": report["startTime"],
            "endTime": report["endTime"], "jobId": report["reportId"],
            "operationType": report["operationType"], "resources": report["resources"],
        });
        Ok(id.map(|id| computed(id, json!({"properties": properties}))).into_iter().collect())
    }
}
