//! Descriptions that come with the shipped content: of assessments and of secure score controls. They are
//! served at tenant level and, as in Azure, below a subscription under the same tenant-level id; assessments of one's own
//! are described below the subscription.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;

const METADATA_TYPE: &str = "Microsoft.Security/assessmentMetadata";
const SEVERITIES: [&str; 3] = ["High", "Medium", "Low"];
/// What a description of one's own is; a built-in one is the server's.
const CUSTOM: &str = "CustomerManaged";
const CODES: [&str; 3] = ["Healthy", "Unhealthy", "NotApplicable"];

/// Assessments that other scanners push.
pub(super) struct Assessments;
pub(super) struct Metadata;
pub(super) struct ControlDefinitions;

#[async_trait]
impl Kind for Assessments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let code = &draft.property("status")["code"];
        if !code.as_str().is_some_and(|code| CODES.contains(&code)) {
            return Err(not_one_of("properties.status.code", code, &CODES).into());
        }
        // Shown with its own name, where it was described before.
        let metadata = match draft.id.subscription() {
            Some(subscription) => described(app, subscription, draft.id.name()).await?,
            None => None,
        };
        if let Some(metadata) = metadata {
            draft.set("displayName", metadata["displayName"].clone());
            draft.set("metadata", metadata);
        }
        Ok(())
    }
}

/// `properties` of the description that people gave the assessment `name` in this subscription.
async fn described(app: &App, subscription: &str, name: &str) -> Result<Option<Value>, Failure> {
    let id = ResourceId::parse(&format!("/subscriptions/{subscription}/providers/{METADATA_TYPE}/{name}"));
    let Ok(id) = id else { return Ok(None) };
    Ok(app.records.get(&id).await?.and_then(|found| found.body.get("properties").cloned()))
}

/// Descriptions of one's own assessments; those that the server makes are built in.
#[async_trait]
impl Kind for Metadata {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if uuid::Uuid::parse_str(draft.id.name()).is_err() {
            return Err(ApiError::field("name", "the name of an assessment is a uuid").into());
        }
        refuse_built_in(draft.id)?;
        if draft.text("displayName").trim().is_empty() {
            return Err(
                ApiError::field("properties.displayName", "an assessment needs a `displayName`").into()
            );
        }
        if !SEVERITIES.contains(&draft.text("severity")) {
            return Err(not_one_of("properties.severity", draft.property("severity"), &SEVERITIES).into());
        }
        if draft.text("assessmentType") != CUSTOM {
            let found = draft.property("assessmentType");
            return Err(not_one_of("properties.assessmentType", found, &[CUSTOM]).into());
        }
        Ok(())
    }

    async fn delete(&self, _app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        refuse_built_in(&stored.id)?;
        Ok(false)
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(named(&bartizan_posture::metadata(), id.name()))
    }

    async fn absent_all(&self, _app: &App, _scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(bartizan_posture::metadata().iter().filter_map(of_value).collect())
    }
}

#[async_trait]
impl Kind for ControlDefinitions {
    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(named(&bartizan_posture::control_definitions(), id.name()))
    }

    async fn absent_all(&self, _app: &App, _scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(bartizan_posture::control_definitions().iter().filter_map(of_value).collect())
    }
}

fn refuse_built_in(id: &ResourceId) -> Result<(), Failure> {
    if named(&bartizan_posture::metadata(), id.name()).is_none() {
        return Ok(());
    }
    let text = format!("`{}` is a built-in assessment and cannot be changed.", id.name());
    Err(ApiError::coded(ErrorKind::Conflict, "BuiltInAssessment", text).into())
}

fn named(all: &[Value], name: &str) -> Option<Resource> {
    let found =
        all.iter().find(|value| value["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)));
    found.and_then(of_value)
}

fn of_value(value: &Value) -> Option<Resource> {
    let id = ResourceId::parse(value["id"].as_str()?).ok()?;
    Some(computed(id, json!({"properties": value["properties"]})))
}
