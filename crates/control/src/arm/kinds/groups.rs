//! Resource groups and locations.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::json;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::workspaces::check_unused;
use crate::http::Failure;
use crate::logs::WORKSPACE_TYPE;

pub(super) struct Groups;

#[async_trait]
impl Kind for Groups {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        // Azure's rule: 1 to 90 characters, not ending in a full stop.
        let name = draft.id.name();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
        if name.chars().count() > 90 || name.ends_with('.') || !name.chars().all(plain) {
            return Err(ApiError::field(
                "name",
                "a resource group's name has up to 90 letters, digits, `-_.()`, no full stop at its end",
            )
            .into());
        }
        if draft.body["location"].as_str().is_none_or(str::is_empty) {
            let error = ApiError::coded(
                ErrorKind::Invalid,
                "LocationRequired",
                "The location property is required for this definition.",
            );
            return Err(error.into());
        }
        draft.set("provisioningState", "Succeeded");
        Ok(())
    }

    async fn delete(&self, app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        if stored.id == app.home.group_id() {
            return Err(ApiError::new(
                ErrorKind::Conflict,
                "The default resource group holds the workspace and cannot be deleted.",
            )
            .into());
        }
        for workspace in app.records.list_all(&stored.id, WORKSPACE_TYPE).await? {
            check_unused(app, &workspace, &stored.id).await?;
        }
        Ok(false)
    }
}

pub(super) struct Locations;

#[async_trait]
impl Kind for Locations {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let ours = id.name().eq_ignore_ascii_case(&app.home.location);
        Ok(ours.then(|| computed(id.clone(), json!({"properties": {"homeRegionName": app.home.location}}))))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let id = scope.join(&format!("providers/Microsoft.Security/locations/{}", app.home.location));
        let id = id.map_err(|error| ApiError::invalid(error.to_string()))?;
        Ok(self.absent(app, &id).await?.into_iter().collect())
    }
}
