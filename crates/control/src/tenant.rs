//! The tenant's settings as records. The API chooses; only the command line takes a choice back.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, Records, RecordsError};
use serde_json::Value;

use crate::app::Home;

/// The member that says where the tenant's data is.
pub const GEO_LOCATION: &str = "geoLocation";

/// `{root management group}/providers/Bartizan.Security/tenantSettings/default`.
///
/// # Panics
/// Never: the segments are fixed.
pub fn settings_id(home: &Home) -> ResourceId {
    home.root_group().join("providers/Bartizan.Security/tenantSettings/default").expect("fixed segments")
}

/// Takes the chosen geo-location back, so that it can be chosen anew. What it was; `None` when none was chosen.
///
/// # Errors
/// When the records cannot be written.
pub async fn reset_geo_location(
    records: &Records,
    home: &Home,
    actor: &Actor,
) -> Result<Option<String>, RecordsError> {
    let mut was = None;
    let edit = |body: &mut Value| {
        let chosen = &mut body["properties"][GEO_LOCATION];
        was = chosen.as_str().map(str::to_owned);
        *chosen = Value::Null;
        was.is_some()
    };
    match records.modify(&settings_id(home), actor, true, edit).await {
        Ok(_) => Ok(was),
        Err(RecordsError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
