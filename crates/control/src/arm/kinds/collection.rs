//! Data collection rules and endpoints.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;

pub(super) struct Rules;

#[async_trait]
impl Kind for Rules {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["immutableId", "provisioningState"]);
        if draft.property("immutableId").is_null() {
            draft.set("immutableId", format!("dcr-{}", Uuid::new_v4().simple()));
        }
        draft.set("provisioningState", "Succeeded");
        check_flows(app, draft)
    }
}

fn check_flows(app: &App, draft: &Draft<'_>) -> Result<(), Failure> {
    let path = "properties.dataFlows";
    let wrong = |text: String| Err(Failure(ApiError::field(path, text)));
    let flows = match draft.property("dataFlows") {
        Value::Null => return Ok(()),
        Value::Array(flows) => flows,
        _ => return wrong("`dataFlows` must be a list".to_owned()),
    };
    let destinations = draft.property("destinations")["logAnalytics"].as_array().cloned().unwrap_or_default();
    for destination in &destinations {
        let id = destination["workspaceResourceId"].as_str().and_then(|id| ResourceId::parse(id).ok());
        if id.as_ref() != Some(&app.home.workspace) {
            let text = format!("the one workspace here is `{}`", app.home.workspace);
            return Err(ApiError::field("properties.destinations.logAnalytics", text).into());
        }
    }
    for flow in flows {
        let streams: Vec<&str> =
            flow["streams"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if streams.is_empty() {
            return wrong("each flow needs `streams`".to_owned());
        }
        let known = |name: &Value| destinations.iter().any(|destination| destination["name"] == *name);
        if let Some(name) = flow["destinations"].as_array().into_iter().flatten().find(|name| !known(name)) {
            return wrong(format!("there is no destination {name}"));
        }
        // A transformation that were silently left out would let rows through that it should drop.
        let transform = flow["transformKql"].as_str().unwrap_or("source").trim();
        if transform != "source" {
            return wrong("`transformKql` other than `source` is not supported yet".to_owned());
        }
    }
    Ok(())
}

pub(super) struct Endpoints;

#[async_trait]
impl Kind for Endpoints {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.set("provisioningState", "Succeeded");
        draft.set("logsIngestion", json!({"endpoint": app.public_url}));
        draft.set("configurationAccess", json!({"endpoint": app.public_url}));
        Ok(())
    }
}
