//! Connected machines and their extensions. What the agent reports is the agent's to write.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::Resource;
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::plans::{component, direct, extension, protected};

/// What agents report, and how the machine was onboarded.
const REPORTED: [&str; 17] = [
    direct::MARK,
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

/// Directly onboarded machines have the sensor and nothing else.
async fn check_direct(app: &App, draft: &Draft<'_>) -> Result<(), Failure> {
    let machine = match draft.id.parent() {
        Some(machine) => app.records.get(&machine).await?,
        None => None,
    };
    let found = component::find(draft.text("publisher"), draft.text("type"));
    let allowed = machine.is_none_or(|machine| {
        found.map_or(!direct::is_direct(&machine.body), |c| direct::may_have(&machine.body, c))
    });
    if allowed {
        return Ok(());
    }
    let text = format!(
        "`{}` cannot be put on a machine that was onboarded directly: it has the sensor only. Connect it fully first, by \
         `bartizan-agent connect` on the machine with an onboarding token",
        draft.text("type")
    );
    Err(ApiError::coded(ErrorKind::Conflict, "OnboardedDirectly", text).into())
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
            let sealed = protected::seal(machine.as_ref(), draft.id, &clear)
                .map_err(|reason| ApiError::field(FIELD, reason))?;
            draft.set("protectedSettings", sealed);
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
        check_direct(app, draft).await?;
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
