//! `checkPolicyRestrictions`: what policies would say of a resource before it is written.

use axum::body::Body;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_policy::condition::Detail;
use bartizan_policy::{Denial, Request, Restriction, Rule, Target};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::NAMESPACE;
use crate::arm::Call;
use crate::http::{Failure, read_json};
use crate::plans::admission::Places;
use crate::plans::reconcile;

/// Largest request.
const BODY_MAX: usize = 1 << 20;
/// Most fields in a request, and values of one.
const FIELDS_MAX: usize = 100;
const VALUES_MAX: usize = 1_000;
/// The name of a resource that has none yet.
const UNNAMED: &str = "unnamed";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    resource_details: Details,
    #[serde(default)]
    pending_fields: Vec<Pending>,
    #[serde(default)]
    include_audit_effect: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    resource_content: Map<String, Value>,
    #[serde(default)]
    api_version: String,
    /// What a child resource hangs on.
    #[serde(default)]
    scope: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pending {
    field: String,
    #[serde(default)]
    values: Option<Vec<String>>,
}

/// `POST {subscription or group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`.
pub(super) async fn check(call: &Call, scope: &ResourceId, body: Body) -> Result<Value, Failure> {
    let app = &call.app;
    if scope.subscription().is_none() || scope.key().contains("/providers/") {
        let text = format!(
            "`checkPolicyRestrictions` is asked at a subscription or a resource group, not at `{scope}`."
        );
        return Err(ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text).into());
    }
    let action = format!("{NAMESPACE}/checkPolicyRestrictions/read");
    app.authorize(&call.caller, &action, scope).await?;
    if app.records.get(scope).await?.is_none() {
        return Err(ApiError::not_found(scope.as_str()).into());
    }
    let asked: Asked = read_json(&call.parts.headers, body, BODY_MAX).await?;
    if asked.pending_fields.len() > FIELDS_MAX {
        return Err(
            ApiError::field("pendingFields", format!("at most {FIELDS_MAX} fields are asked about")).into()
        );
    }
    let target = target(scope, &asked.resource_details)?;
    let target = Places::default().put(&app.records, target).await?;
    let request = Request {
        api_version: asked.resource_details.api_version.clone(),
        principal_id: call.caller.actor.object_id.to_string(),
    };
    let policies = reconcile::load(&app.records).await?;
    let now = app.clock.now();
    let mut fields = Vec::new();
    for (at, pending) in asked.pending_fields.iter().enumerate() {
        let path = format!("pendingFields[{at}]");
        let values = pending.values.as_deref().unwrap_or_default();
        if values.len() > VALUES_MAX {
            return Err(ApiError::field(
                &format!("{path}.values"),
                format!("at most {VALUES_MAX} values are asked about"),
            )
            .into());
        }
        let found = policies
            .restrictions(&target, &pending.field, values, &request, now)
            .map_err(|error| ApiError::field(&format!("{path}.field"), error.to_string()))?;
        if !found.is_empty() {
            let restrictions: Vec<Value> = found.iter().map(restriction).collect();
            fields.push(json!({"field": pending.field, "restrictions": restrictions}));
        }
    }
    let denials = policies.preview(&target, &request, now, asked.include_audit_effect);
    let evaluations: Vec<Value> = denials.iter().map(evaluation).collect();
    Ok(json!({
        "fieldRestrictions": fields,
        "contentEvaluationResult": {"policyEvaluations": evaluations},
    }))
}

/// The resource that is asked about, as it would be written.
fn target(scope: &ResourceId, details: &Details) -> Result<Target, Failure> {
    const TYPE: &str = "resourceDetails.resourceContent.type";
    let content = &details.resource_content;
    let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("type");
    let (namespace, types) = kind
        .split_once('/')
        .ok_or_else(|| ApiError::field(TYPE, "it must be a type such as Namespace/type"))?;
    let types: Vec<&str> = types.split('/').collect();
    let mut names: Vec<&str> = text("name").split('/').filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names = vec![UNNAMED; types.len()];
    }
    let id = match &details.scope {
        // A child by its own last name, below what it hangs on.
        Some(parent) => {
            let parent = ResourceId::parse(parent).ok().filter(|parent| parent.is_within(scope));
            let wrong = || ApiError::field("resourceDetails.scope", format!("it must be an id in `{scope}`"));
            let parent = parent.ok_or_else(wrong)?;
            let last = names.last().copied().unwrap_or(UNNAMED);
            let own = parent.resource_type();
            match kind.get(..own.len()).filter(|start| start.eq_ignore_ascii_case(&own)) {
                Some(_) => parent.join(&format!("{}/{last}", kind[own.len()..].trim_start_matches('/'))),
                None => parent.join(&format!("providers/{kind}/{last}")),
            }
        }
        None if names.len() == types.len() => {
            let pairs = types.iter().zip(&names).map(|(kind, name)| format!("{kind}/{name}"));
            scope.join(&format!("providers/{namespace}/{}", pairs.collect::<Vec<_>>().join("/")))
        }
        None => {
            let text = format!("a `{kind}` has {} names, joined by `/`", types.len());
            return Err(ApiError::field("resourceDetails.resourceContent.name", text).into());
        }
    };
    let id = id.map_err(|error| ApiError::field(TYPE, error.to_string()))?;
    let body = content.iter().filter(|(name, _)| !["id", "name", "type"].contains(&name.as_str()));
    Ok(Target::new(id, Value::Object(body.map(|(name, value)| (name.clone(), value.clone())).collect())))
}

fn reference(rule: &Rule) -> Value {
    json!({
        "policyAssignmentId": rule.assignment.id,
        "policyDefinitionId": rule.definition.id,
        "policySetDefinitionId": rule.set.as_ref().map(|set| &set.id),
        "policyDefinitionReferenceId": rule.set.as_ref().map(|set| &set.reference),
    })
}

fn restriction(found: &Restriction) -> Value {
    json!({
        "result": found.restricts.as_str(),
        "defaultValue": found.default,
        "values": found.values,
        "policy": reference(&found.rule),
    })
}

fn evaluation(denial: &Denial) -> Value {
    let compared: Vec<Value> = denial.details.iter().map(Detail::to_json).collect();
    json!({
        "policyInfo": reference(&denial.rule),
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": compared, "reason": denial.reason},
        "effectDetails": {"policyEffect": denial.effect.as_str()},
    })
}
