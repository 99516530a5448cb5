//! Descriptions that come with the shipped content: of assessments and of secure score controls. They are
//! served at tenant level and, as in Azure, below a subscription under the same tenant-level id.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;

const CODES: [&str; 3] = ["Healthy", "Unhealthy", "NotApplicable"];

/// Assessments that other scanners push.
pub(super) struct Assessments;
pub(super) struct Metadata;
pub(super) struct ControlDefinitions;

#[async_trait]
impl Kind for Assessments {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let code = &draft.property("status")["code"];
        if !code.as_str().is_some_and(|code| CODES.contains(&code)) {
            return Err(not_one_of("properties.status.code", code, &CODES).into());
        }
        Ok(())
    }
}

#[async_trait]
impl Kind for Metadata {
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

fn named(all: &[Value], name: &str) -> Option<Resource> {
    let found =
        all.iter().find(|value| value["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)));
    found.and_then(of_value)
}

fn of_value(value: &Value) -> Option<Resource> {
    let id = ResourceId::parse(value["id"].as_str()?).ok()?;
    Some(computed(id, json!({"properties": value["properties"]})))
}
