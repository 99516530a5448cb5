//! `Bartizan.Security/tenantSettings/default`, at the root management group: where the tenant's data is said to be, chosen
//! once.
//!
//! People agree on a place with auditors and works councils and rely on it. So it is chosen once, by a person, and after
//! that nobody changes it through the API; who has the server's data folder can take the choice back
//! (`bartizan tenant reset-geo-location`), which `AzureActivity` tells.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;
use crate::tenant::{GEO_LOCATION, settings_id};

const EXPORT: &str = "pseudonymizedExport";
const PLACE_CHARS_MAX: usize = 60;

pub(super) struct TenantSettings;

#[async_trait]
impl Kind for TenantSettings {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if *draft.id != settings_id(&app.home) {
            let text = "the tenant's settings are `tenantSettings/default` of its root management group";
            return Err(ApiError::invalid(text).into());
        }
        let members = draft.body["properties"].as_object().cloned().unwrap_or_default();
        if let Some(name) = members.keys().find(|name| ![GEO_LOCATION, EXPORT].contains(&name.as_str())) {
            return Err(not_one_of("properties", &name.as_str().into(), &[GEO_LOCATION, EXPORT]).into());
        }
        if members.get(EXPORT).is_some_and(|wanted| *wanted != false) {
            let text = "`pseudonymizedExport` is false: this server has no central storage to send to, and \
                        rows leave it by data export rules only";
            return Err(ApiError::field("properties.pseudonymizedExport", text).into());
        }
        let chosen = draft.before.and_then(|before| before.property(GEO_LOCATION)).and_then(Value::as_str);
        let wanted = match members.get(GEO_LOCATION) {
            None | Some(Value::Null) => chosen.map(str::to_owned),
            Some(wanted) => Some(place(wanted)?),
        };
        if let (Some(chosen), Some(wanted)) = (chosen, &wanted)
            && !chosen.eq_ignore_ascii_case(wanted)
        {
            let text = format!(
                "The geo-location was chosen as `{chosen}` and cannot be changed. The owner of the server can take the choice back \
                 at its machine: bartizan tenant reset-geo-location --data DIR"
            );
            return Err(ApiError::coded(ErrorKind::Conflict, "GeoLocationImmutable", text).into());
        }
        let settled = chosen.map(str::to_owned).or(wanted);
        draft.body["properties"] = json!({GEO_LOCATION: settled, EXPORT: false});
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok((*id == settings_id(&app.home)).then(|| computed(id.clone(), open())))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let ours = *scope == app.home.root_group();
        Ok(ours.then(|| computed(settings_id(&app.home), open())).into_iter().collect())
    }
}

/// The name of a place: what people write in contracts, such as `Europe` or `Switzerland North`.
fn place(wanted: &Value) -> Result<String, ApiError> {
    let text = wanted.as_str().unwrap_or_default().trim();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '.');
    if text.is_empty() || text.chars().count() > PLACE_CHARS_MAX || !text.chars().all(plain) {
        let words = format!(
            "a geo-location is a name of 1 to {PLACE_CHARS_MAX} letters, digits, spaces, `-` and `.`"
        );
        return Err(ApiError::field("properties.geoLocation", words));
    }
    Ok(text.to_owned())
}

fn open() -> Value {
    json!({"properties": {GEO_LOCATION: null, EXPORT: false}})
}
