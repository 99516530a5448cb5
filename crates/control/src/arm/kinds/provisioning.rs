//! The switches beside the plans: the endpoint integration (`settings/WDATP`) and log collection
//! (`autoProvisioningSettings/default`). Both are on until somebody switches them off. Vulnerability assessment
//! (`serverVulnerabilityAssessmentsSettings/AzureServersSetting`) is not here, and cannot be switched on.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_content::plans::components;
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::scope;
use crate::http::Failure;

/// The integrations Azure lists; only `WDATP` has an effect here.
const SETTINGS: [&str; 3] = ["MCAS", "Sentinel", "WDATP"];
const SWITCH: [&str; 2] = ["On", "Off"];

pub(super) struct Settings;
pub(super) struct AutoProvisioning;
pub(super) struct VulnerabilityAssessment;

/// Stored, it would say that something looks for vulnerabilities; an empty list, that somebody has only to turn it on.
#[async_trait]
impl Kind for VulnerabilityAssessment {
    async fn prepare(&self, _app: &App, _draft: &mut Draft<'_>) -> Result<(), Failure> {
        Err(not_here())
    }

    async fn absent(&self, _app: &App, _id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Err(not_here())
    }

    async fn absent_all(&self, _app: &App, _scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Err(not_here())
    }
}

fn not_here() -> Failure {
    let row = components().iter().find(|row| row.name == "vulnerabilityAssessment");
    let (lacks, instead) = row.map(|row| (row.lacks.as_str(), row.instead.as_str())).unwrap_or_default();
    let text = format!("Vulnerability assessment is not available on this server. {lacks} {instead}");
    ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text).into()
}

#[async_trait]
impl Kind for Settings {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if setting(draft.id.name()).is_none() {
            return Err(not_one_of("name", &draft.id.name().into(), &SETTINGS).into());
        }
        if !draft.property("enabled").is_boolean() {
            return Err(ApiError::field("properties.enabled", "`enabled` must be true or false").into());
        }
        draft.body["kind"] = "DataExportSettings".into();
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let ours = id.parent().is_some_and(|scope| scope::is_subscription(&scope));
        Ok(setting(id.name()).filter(|_| ours).map(|name| computed(id.clone(), default_setting(name))))
    }

    async fn absent_all(&self, _app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(defaults(scope, "settings", &SETTINGS.map(|name| (name, default_setting(name)))))
    }
}

#[async_trait]
impl Kind for AutoProvisioning {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if !draft.id.name().eq_ignore_ascii_case("default") {
            return Err(not_one_of("name", &draft.id.name().into(), &["default"]).into());
        }
        if !SWITCH.contains(&draft.text("autoProvision")) {
            return Err(
                not_one_of("properties.autoProvision", draft.property("autoProvision"), &SWITCH).into()
            );
        }
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let ours = id.parent().is_some_and(|scope| scope::is_subscription(&scope))
            && id.name().eq_ignore_ascii_case("default");
        Ok(ours.then(|| computed(id.clone(), on())))
    }

    async fn absent_all(&self, _app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(defaults(scope, "autoProvisioningSettings", &[("default", on())]))
    }
}

fn setting(name: &str) -> Option<&'static str> {
    SETTINGS.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

fn default_setting(name: &str) -> Value {
    json!({"kind": "DataExportSettings", "properties": {"enabled": name == "WDATP"}})
}

fn on() -> Value {
    json!({"properties": {"autoProvision": "On"}})
}

fn defaults(scope: &ResourceId, word: &str, bodies: &[(&str, Value)]) -> Vec<Resource> {
    if !scope::is_subscription(scope) {
        return Vec::new();
    }
    let resource = |(name, body): &(&str, Value)| {
        let id = scope.join(&format!("providers/Microsoft.Security/{word}/{name}")).ok()?;
        Some(computed(id, body.clone()))
    };
    bodies.iter().filter_map(resource).collect()
}
