//! How far a remediation is: its summary in the resource, and a child for each resource that it works on.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks};
use bartizan_records::{Actor, BulkWrite, Condition, ListQuery, Records, RecordsError, Resource, Write};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::plans::reconcile::actor;

/// The type of the children. They are told by `listDeployments` and go with their remediation.
pub(super) const DEPLOYMENT_TYPE: &str = "Microsoft.PolicyInsights/remediations/deployments";
/// States in which nothing more happens.
const ENDED: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// Whether a remediation or a deployment with these properties is at its end.
pub(crate) fn is_ended(properties: &Value) -> bool {
    let state = ["provisioningState", "status"].iter().find_map(|name| properties[*name].as_str());
    state.is_some_and(|state| ENDED.contains(&state))
}

/// How many deployments there are, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) total: usize,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
}

impl Summary {
    fn to_json(self) -> Value {
        json!({
            "totalDeployments": self.total,
            "successfulDeployments": self.succeeded,
            "failedDeployments": self.failed,
        })
    }
}

/// One resource that is worked on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) id: ResourceId,
    /// The resource that does not comply.
    pub(super) resource: ResourceId,
    pub(super) status: String,
    /// When its deployment was begun, or else when it was found.
    pub(super) since: Ticks,
    /// What was written, or was there and on its way.
    pub(super) awaited: Vec<ResourceId>,
    body: Map<String, Value>,
}

impl Piece {
    /// A resource that was found; nothing was done for it yet.
    pub(super) fn found(
        remediation: &ResourceId,
        run: &str,
        resource: &ResourceId,
        location: &str,
        now: Ticks,
    ) -> Option<Self> {
        let key = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{run}#{}", resource.key()).as_bytes());
        let body = json!({
            "remediatedResourceId": resource, "deploymentId": null, "status": "Accepted", "resourceLocation": location,
            "createdOn": now, "lastUpdatedOn": now, "run": run,
        });
        let Value::Object(body) = body else { return None };
        let id = remediation.join(&format!("deployments/{key}")).ok()?;
        Self::read(id, body)
    }

    fn read(id: ResourceId, body: Map<String, Value>) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let awaited = body.get("awaited").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            id,
            resource: ResourceId::parse(text("remediatedResourceId")?).ok()?,
            status: text("status")?.to_owned(),
            since: text("startedOn").or(text("createdOn")).and_then(|time| Ticks::parse(time).ok())?,
            awaited: awaited.filter_map(|id| ResourceId::parse(id.as_str()?).ok()).collect(),
            body,
        })
    }

    /// The deployment was begun: `awaited` is written, or on its way.
    pub(super) fn begun(&mut self, awaited: Vec<ResourceId>, now: Ticks) {
        "Running".clone_into(&mut self.status);
        self.since = now;
        self.body.insert("deploymentId".to_owned(), json!(awaited.first()));
        self.body.insert("startedOn".to_owned(), json!(now));
        self.body.insert("awaited".to_owned(), json!(awaited));
        self.awaited = awaited;
        self.touched(now);
    }

    /// The deployment is at its end: `Err` is ARM's error.
    pub(super) fn ended(&mut self, outcome: Result<(), Value>, now: Ticks) {
        let status = if outcome.is_ok() { "Succeeded" } else { "Failed" };
        status.clone_into(&mut self.status);
        if let Err(error) = outcome {
            self.body.insert("error".to_owned(), error);
        }
        self.touched(now);
    }

    fn touched(&mut self, now: Ticks) {
        self.body.insert("status".to_owned(), self.status.as_str().into());
        self.body.insert("lastUpdatedOn".to_owned(), json!(now));
    }

    /// The write that keeps it; left out when the remediation is gone.
    pub(super) fn write(&self, remediation: &ResourceId) -> BulkWrite {
        let write = Write {
            id: self.id.clone(),
            body: json!({"properties": self.body}),
            condition: Condition::None,
            actor: actor(),
            audit: false,
        };
        BulkWrite { write, of: remediation.clone() }
    }
}

/// The pieces of a remediation's run, and ids of those of earlier runs.
///
/// # Errors
/// When the records cannot be read.
pub(super) async fn pieces(
    records: &Records,
    remediation: &ResourceId,
    run: &str,
) -> Result<(Vec<Piece>, Vec<ResourceId>), RecordsError> {
    let (mut pieces, mut stale) = (Vec::new(), Vec::new());
    for child in records.list_all(remediation, DEPLOYMENT_TYPE).await? {
        let properties = child.body.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        if properties.get("run").and_then(Value::as_str) == Some(run) {
            pieces.extend(Piece::read(child.id, properties));
        } else {
            stale.push(child.id);
        }
    }
    Ok((pieces, stale))
}

/// Writes how far a remediation is; `false` when it was cancelled, written anew or deleted meanwhile.
///
/// # Errors
/// When the records cannot be written.
pub(super) async fn tell(
    records: &Records,
    remediation: &ResourceId,
    run: &str,
    state: &str,
    summary: Summary,
    message: &str,
) -> Result<bool, RecordsError> {
    let now = json!(records.now());
    let mut on = false;
    let ends = ENDED.contains(&state);
    let edit = |body: &mut Value| {
        let properties = &mut body["properties"];
        on = !is_ended(properties) && properties["correlationId"] == run;
        let new = [
            ("provisioningState", json!(state)),
            ("deploymentStatus", summary.to_json()),
            ("statusMessage", json!(message)),
        ];
        if !on || new.iter().all(|(name, value)| properties[*name] == *value) {
            return false;
        }
        for (name, value) in new {
            properties[name] = value;
        }
        properties["lastUpdatedOn"] = now;
        true
    };
    match records.modify(remediation, &actor(), ends, edit).await {
        Ok(_) => Ok(on),
        Err(RecordsError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Stops a remediation. What it wrote stays; what it waits for is no longer waited for.
///
/// # Errors
/// The refusal, when it has ended, is inside.
pub(crate) async fn cancel(
    records: &Records,
    remediation: &ResourceId,
    by: &Actor,
) -> Result<Result<Resource, ApiError>, RecordsError> {
    let now = json!(records.now());
    let mut refused = None;
    let edit = |body: &mut Value| {
        let properties = &mut body["properties"];
        if is_ended(properties) {
            let state = properties["provisioningState"].as_str().unwrap_or_default();
            let text = format!(
                "remediation `{}` is {state}; only one that runs can be cancelled",
                remediation.name()
            );
            refused = Some(ApiError::coded(ErrorKind::Invalid, "InvalidCancelRemediationRequest", text));
            return false;
        }
        properties["provisioningState"] = "Canceled".into();
        properties["statusMessage"] = format!("cancelled by {}", by.name).into();
        properties["lastUpdatedOn"] = now;
        true
    };
    match records.modify(remediation, by, true, edit).await {
        Ok(canceled) => Ok(refused.map_or(Ok(canceled), Err)),
        Err(RecordsError::Missing(id)) => Ok(Err(ApiError::not_found(&id))),
        Err(error) => Err(error),
    }
}

/// One page of a remediation's deployments as Azure shows them, and where the next one starts.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn deployments(
    records: &Records,
    remediation: &Resource,
    after: Option<String>,
    limit: u32,
) -> Result<(Vec<Value>, Option<String>), RecordsError> {
    let query = ListQuery::of_type(remediation.id.clone(), DEPLOYMENT_TYPE);
    let page = records.list(ListQuery { after, limit, ..query }).await?;
    let run = remediation.property("correlationId");
    let over = remediation.body.get("properties").is_some_and(is_ended);
    let shown = page.items.into_iter().filter_map(|child| {
        let mut properties = child.body.get("properties")?.as_object()?.clone();
        if properties.get("run") != run {
            return None;
        }
        // Nobody waits any more.
        if over && !is_ended(&Value::Object(properties.clone())) {
            properties.insert("status".to_owned(), "Canceled".into());
        }
        for own in ["run", "startedOn", "awaited"] {
            properties.shift_remove(own);
        }
        Some(Value::Object(properties))
    });
    Ok((shown.collect(), page.next))
}
