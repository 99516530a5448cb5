//! Connected machines and their extensions. What the agent reports is the agent's to write.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_records::Resource;
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::plans::component;
use crate::plans::desired::SEALED;
use crate::plans::extension;

/// What agents report.
const REPORTED: [&str; 16] = [
    "agentReport",
    "agentVersion",
    "detectedProperties",
    "displayName",
    "dnsFqdn",
    "lastStatusChange",
    "machineFqdn",
    "networkProfile",
    "osName",
    "osSku",
    "osType",
    "osVersion",
    "status",
    "vmId",
    "errorDetails",
    "provisioningState",
];

pub(super) struct Machines;

#[async_trait]
impl Kind for Machines {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&REPORTED);
        if draft.before.is_none() {
            // Made before its agent comes, as `az connectedmachine` can.
            draft.set("status", "AwaitingConnection");
            draft.set("provisioningState", "Succeeded");
        }
        Ok(())
    }
}

/// Seals protected settings to the machine's agent, so that neither the records nor an answer ever has them in clear.
/// A write without them keeps those that are stored, because no answer shows them for a client to send back; an empty
/// object takes them away.
async fn seal_settings(app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
    const FIELD: &str = "properties.protectedSettings";
    match draft.property("protectedSettings").clone() {
        Value::Null => {
            draft.keep(&["protectedSettings"]);
            Ok(())
        }
        Value::Object(clear) if clear.is_empty() => {
            draft.set("protectedSettings", Value::Null);
            Ok(())
        }
        Value::Object(clear) => {
            let machine = match draft.id.parent() {
                Some(machine) => app.records.get(&machine).await?,
                None => None,
            };
            let key = machine.as_ref().and_then(|machine| machine.property("agentReport"));
            let Some(key) = key.and_then(|report| report["sealingKey"].as_str()) else {
                let text = "they are sealed to the machine's agent, and that has told no key: connect the machine, or \
                    upgrade its agent, and write them then";
                return Err(ApiError::field(FIELD, text).into());
            };
            let sealed =
                bartizan_seal::seal(key, draft.id.as_str(), Value::Object(clear).to_string().as_bytes())
                    .map_err(|error| {
                        ApiError::field(FIELD, format!("they cannot be sealed to the agent: {error}"))
                    })?;
            draft.set("protectedSettings", serde_json::json!({SEALED: sealed}));
            Ok(())
        }
        _ => Err(ApiError::field(FIELD, "is an object").into()),
    }
}

pub(super) struct Extensions;

#[async_trait]
impl Kind for Extensions {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        for name in ["publisher", "type"] {
            if draft.text(name).is_empty() {
                return Err(ApiError::field(
                    &format!("properties.{name}"),
                    format!("an extension needs its `{name}`"),
                )
                .into());
            }
        }
        draft.keep(&["instanceView", "provisioningState"]);
        seal_settings(app, draft).await?;
        let known = component::find(draft.text("publisher"), draft.text("type")).is_some();
        let same = draft.before.is_some_and(|before| {
            ["publisher", "type", "typeHandlerVersion", "settings", "protectedSettings"]
                .iter()
                .all(|name| before.property(name).unwrap_or(&serde_json::Value::Null) == draft.property(name))
        });
        let leaving = draft.before.is_some_and(|before| extension::provisioning_state(before) == "Deleting");
        if same && !leaving {
            return Ok(());
        }
        let now = app.clock.now();
        let (state, level, message) = if known {
            ("Creating", "Info", "waiting for the agent to install it".to_owned())
        } else {
            let (publisher, kind) = (draft.text("publisher"), draft.text("type"));
            ("Failed", "Error", format!("the agent has no program for `{publisher}` / `{kind}`"))
        };
        draft.set("provisioningState", state);
        let view = serde_json::json!({
            "name": draft.id.name(),
            "type": draft.text("type"),
            "typeHandlerVersion": draft.property("typeHandlerVersion"),
            "status": {
                "code": format!("ProvisioningState/{}", state.to_lowercase()),
                "level": level, "displayStatus": state, "message": message, "time": now,
            },
        });
        draft.set("instanceView", view);
        Ok(())
    }

    /// A running extension goes when its agent has removed it.
    async fn delete(&self, app: &App, caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        let machine = match stored.id.parent() {
            Some(machine) => app.records.get(&machine).await?,
            None => None,
        };
        let connected = machine
            .as_ref()
            .and_then(|machine| machine.property("status"))
            .is_some_and(|status| status == "Connected");
        let reason = format!("deleted by {}", caller.actor.name);
        extension::retire(&app.records, stored, connected, &caller.actor, &reason, app.clock.now()).await?;
        Ok(true)
    }
}
