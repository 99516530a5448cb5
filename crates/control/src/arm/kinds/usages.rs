//! `workspaces/usages`: how much a workspace took today, against its daily cap.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::json;

use crate::app::App;
use crate::arm::kind::{Kind, computed};
use crate::http::Failure;

pub(super) struct Usages;

#[async_trait]
impl Kind for Usages {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let Some(workspace) = id.parent() else { return Ok(None) };
        let all = self.absent_all(app, &workspace).await?;
        Ok(all.into_iter().find(|usage| usage.id == *id))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let Some(workspace) = app.workspaces.at(scope) else { return Ok(Vec::new()) };
        let day = app.daily_cap.today(workspace.id, app.clock.now());
        let id = scope.join("usages/DataAnalyzed").map_err(|error| ApiError::invalid(error.to_string()))?;
        // Flat, unlike a resource; the shape is Log Analytics' own. -1 is no limit.
        let body = json!({
            "name": {"value": "DataAnalyzed", "localizedValue": "Data analysed today"},
            "unit": "Bytes",
            "currentValue": day.used_bytes.round(),
            "limit": day.limit_bytes.map_or(-1.0, f64::round),
            "nextResetTime": day.reset,
            "quotaPeriod": "P1D",
        });
        Ok(vec![computed(id, body)])
    }
}
