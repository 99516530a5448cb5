//! Security connectors: what asks a source for machines that are not connected.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_discover::Connection;
use bartizan_records::{ListQuery, Resource, Written};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::not_one_of;
use crate::discovery::{self, CONNECTOR_TYPE, Connector, ENVIRONMENTS, INTERVAL_HOURS};
use crate::http::{Failure, chain};

/// All of a server: each is asked in its turn.
const CONNECTORS_MAX: usize = 100;
const REGIONS_MAX: usize = 40;

pub(super) struct SecurityConnectors;

#[async_trait]
impl Kind for SecurityConnectors {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["discovery"]);
        let name = draft.text("environmentName").to_owned();
        let known = ENVIRONMENTS.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(&name));
        let Some((kind, environment, data_type)) = known else {
            let names = ENVIRONMENTS.map(|(_, name, _)| name);
            return Err(
                not_one_of("properties.environmentName", draft.property("environmentName"), &names).into()
            );
        };
        draft.set("environmentName", *environment);
        check_data(app, draft, kind, data_type).await?;
        let others = app.records.list_all(&ListQuery::tenant(), CONNECTOR_TYPE).await?;
        let others: Vec<_> = others.iter().filter(|other| other.id != *draft.id).collect();
        if draft.before.is_none() && others.len() >= CONNECTORS_MAX {
            let text = format!("a server has at most {CONNECTORS_MAX} security connectors; delete one");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        let connection = draft.property("environmentData")["connection"].clone();
        let same = others
            .iter()
            .filter_map(|other| Connector::of(other))
            .find(|other| connection == *other.connection);
        if let Some(other) = same {
            let text = format!(
                "the connector `{}` asks this connection already; change or delete that one",
                other.id.name()
            );
            return Err(ApiError::field("properties.environmentData.connection", text).into());
        }
        if draft.before.is_none() {
            draft.set("discovery", json!({"state": "Pending"}));
        }
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        discovery::request(app, &written.resource.id).await?;
        Ok(())
    }

    /// What it found goes with it.
    async fn delete(&self, app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        discovery::forget(app, &stored.id).await?;
        Ok(false)
    }
}

/// Checks and completes `environmentData`: the connection is one that the operator made, and of the right kind.
async fn check_data(app: &App, draft: &mut Draft<'_>, kind: &str, data_type: &str) -> Result<(), Failure> {
    const DATA: &str = "properties.environmentData";
    let Some(dir) = app.discovery.dir.clone() else {
        let text = "this server asks nobody for machines; its operator allows it with `serve --discover-with DIR`, a folder \
                    of connections";
        return Err(ApiError::field(DATA, text).into());
    };
    let mut data = draft.property("environmentData").clone();
    if !data.is_object() {
        return Err(ApiError::field(DATA, "`environmentData` is an object with a `connection`").into());
    }
    let said = &data["environmentType"];
    if !said.is_null() && said != data_type {
        return Err(not_one_of(&format!("{DATA}.environmentType"), said, &[data_type]).into());
    }
    data["environmentType"] = data_type.into();
    let hours = &data["scanInterval"];
    if hours.is_null() {
        data["scanInterval"] = INTERVAL_HOURS.1.into();
    } else if !hours.as_u64().is_some_and(|hours| (INTERVAL_HOURS.0..=INTERVAL_HOURS.2).contains(&hours)) {
        let text = format!("`scanInterval` is {} to {} hours", INTERVAL_HOURS.0, INTERVAL_HOURS.2);
        return Err(ApiError::field(&format!("{DATA}.scanInterval"), text).into());
    }
    check_regions(&data["regions"], kind)?;
    let name = data["connection"].as_str().unwrap_or_default().to_owned();
    let loaded = tokio::task::spawn_blocking(move || {
        let names = Connection::names(&dir);
        (Connection::load(&dir, &name), names)
    });
    let (loaded, names) =
        loaded.await.map_err(|_| ApiError::new(ErrorKind::Internal, "The connection cannot be read."))?;
    let field = format!("{DATA}.connection");
    let connection = loaded.map_err(|error| {
        let known = if names.is_empty() { "there is none yet".to_owned() } else { names.join(", ") };
        ApiError::field(&field, format!("{}; connections of this server: {known}", chain(&error)))
    })?;
    if connection.source.kind() != kind {
        let text = format!(
            "the connection `{}` is of the kind `{}`, not `{kind}`",
            connection.name,
            connection.source.kind()
        );
        return Err(ApiError::field(&field, text).into());
    }
    draft.set("environmentData", data);
    Ok(())
}

fn check_regions(regions: &Value, kind: &str) -> Result<(), Failure> {
    const PATH: &str = "properties.environmentData.regions";
    let Some(list) = regions.as_array() else {
        return if regions.is_null() {
            Ok(())
        } else {
            Err(ApiError::field(PATH, "`regions` is a list").into())
        };
    };
    if kind != "aws" && !list.is_empty() {
        return Err(ApiError::field(PATH, "only AWS has regions").into());
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = |region: &Value| {
        region.as_str().is_some_and(|text| (3..=32).contains(&text.len()) && text.chars().all(plain))
    };
    if list.len() > REGIONS_MAX || !list.iter().all(fits) {
        let text = format!("`regions` names at most {REGIONS_MAX} regions such as eu-west-1");
        return Err(ApiError::field(PATH, text).into());
    }
    Ok(())
}
