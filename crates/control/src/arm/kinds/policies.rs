//! Policy definitions, assignments and exemptions: what the policy engine could not read is refused here,
//! so that it never meets an assignment it must pass over.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::Value;

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;
use crate::plans::builtin;
use crate::plans::policy::Definition;

const MODES: [&str; 2] = ["Default", "DoNotEnforce"];
const CATEGORIES: [&str; 2] = ["Waiver", "Mitigated"];

pub(super) struct Definitions;

#[async_trait]
impl Kind for Definitions {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        Definition::parse(draft.id.as_str(), &draft.body["properties"])
            .map_err(|error| ApiError::field("properties.policyRule", error.to_string()))?;
        draft.set("policyType", "Custom");
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        // Built-in definitions answer at tenant level, and, as in Azure, below a subscription too.
        Ok(builtin::definition(id.name()).and_then(of_value))
    }

    async fn absent_all(&self, _app: &App, _scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(builtin::definitions().iter().filter_map(of_value).collect())
    }
}

fn of_value(definition: &Value) -> Option<Resource> {
    let id = ResourceId::parse(definition["id"].as_str()?).ok()?;
    Some(computed(id, serde_json::json!({"properties": definition["properties"]})))
}

pub(super) struct Assignments;

#[async_trait]
impl Kind for Assignments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let path = "properties.policyDefinitionId";
        let id = ResourceId::parse(draft.text("policyDefinitionId")).map_err(|_| {
            ApiError::field(path, "`policyDefinitionId` must be the id of a policy definition")
        })?;
        let exists = app.records.get(&id).await?.is_some() || builtin::definition(id.name()).is_some();
        if !exists {
            return Err(ApiError::field(path, format!("there is no policy definition `{id}`")).into());
        }
        let mode = draft.property("enforcementMode").clone();
        if mode.is_null() {
            draft.set("enforcementMode", "Default");
        } else if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
            return Err(not_one_of("properties.enforcementMode", &mode, &MODES).into());
        }
        let scope = draft.id.parent().map(String::from).unwrap_or_default();
        draft.set("scope", scope);
        Ok(())
    }
}

pub(super) struct Exemptions;

#[async_trait]
impl Kind for Exemptions {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let category = draft.property("exemptionCategory");
        if !category.as_str().is_some_and(|category| CATEGORIES.contains(&category)) {
            return Err(not_one_of("properties.exemptionCategory", category, &CATEGORIES).into());
        }
        if ResourceId::parse(draft.text("policyAssignmentId")).is_err() {
            let text = "`policyAssignmentId` must be the id of a policy assignment";
            return Err(ApiError::field("properties.policyAssignmentId", text).into());
        }
        let expires = draft.property("expiresOn");
        if !expires.is_null()
            && expires.as_str().is_none_or(|text| bartizan_base::Ticks::parse(text).is_err())
        {
            return Err(ApiError::field("properties.expiresOn", "`expiresOn` must be a date and time").into());
        }
        Ok(())
    }
}
