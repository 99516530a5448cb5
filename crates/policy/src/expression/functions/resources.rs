//! What an expression sees of the world: the resource, its scopes, the policy, the request, the template.

use serde_json::{Map, Value, json};

use super::{Call, Function, pure, reads};
use crate::expression::ExpressionError;
use crate::value::{get, text_of};

pub(super) const FUNCTIONS: &[Function] = &[
    reads("current", 0, 1, |call| {
        let name = call.given(0).map(|_| call.text(0)).transpose()?;
        call.scope()?.current(name)
    }),
    reads("deployment", 0, 0, |call| {
        let scope = call.scope()?;
        Ok(
            json!({"name": format!("PolicyDeployment_{}", scope.target.id.name()), "location": scope.target.body.get("location")}),
        )
    }),
    pure("extensionResourceId", 3, usize::MAX, |call| {
        Ok(format!("{}/providers/{}", call.text(0)?.trim_end_matches('/'), typed(call, 1)?).into())
    }),
    reads("field", 1, 1, |call| call.scope()?.field(call.text(0)?)),
    // The group must be named: a policy's target does not say in which of its groups a template is deployed.
    pure("managementGroupResourceId", 3, usize::MAX, |call| {
        let group = call.text(0)?;
        Ok(format!("/providers/Microsoft.Management/managementGroups/{group}/providers/{}", typed(call, 1)?)
            .into())
    }),
    reads("parameters", 1, 1, |call| call.scope()?.parameter(call.text(0)?)),
    reads("policy", 0, 0, |call| {
        let facts = call.scope()?.facts;
        let or_null = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        Ok(json!({
            "assignmentId": facts.assignment_id,
            "definitionId": facts.definition_id,
            "setDefinitionId": or_null(&facts.set_definition_id),
            "definitionReferenceId": or_null(&facts.reference_id),
        }))
    }),
    reads("reference", 1, 3, reference),
    reads("requestContext", 0, 0, |call| {
        let request = call
            .scope()?
            .request
            .ok_or_else(|| call.bad("there is no request: what is stored is being evaluated, not written"))?;
        Ok(json!({"apiVersion": request.api_version, "identity": {"principalId": request.principal_id}}))
    }),
    reads("resourceGroup", 0, 0, |call| {
        let target = call.scope()?.target;
        let name =
            target.id.resource_group().ok_or_else(|| call.bad("the resource lies in no resource group"))?;
        let id =
            format!("/subscriptions/{}/resourceGroups/{name}", target.id.subscription().unwrap_or_default());
        let stored = target.group.as_deref().and_then(Value::as_object);
        let of = |member: &str| stored.and_then(|group| get(group, member)).cloned();
        Ok(json!({
            "id": id, "name": name, "type": "Microsoft.Resources/resourceGroups",
            // A group that is not known has its resource's place; tags are never made up.
            "location": of("location").or_else(|| target.body.get("location").cloned()),
            "tags": of("tags").unwrap_or_else(|| Value::Object(Map::new())),
            "properties": {"provisioningState": "Succeeded"},
        }))
    }),
    reads("resourceId", 2, usize::MAX, |call| {
        let id = &call.scope()?.target.id;
        // Leading arguments without a slash are the subscription and the resource group.
        let given = call.texts()?;
        let scopes = given.iter().take_while(|text| !text.contains('/')).count();
        let (subscription, group) = match scopes {
            0 => (id.subscription(), id.resource_group()),
            1 => (id.subscription(), Some(given[0])),
            2 => (Some(given[0]), Some(given[1])),
            _ => return Err(call.wrong(2, "a type such as `Namespace/type`")),
        };
        let subscription = subscription.ok_or_else(|| call.bad("the resource lies in no subscription"))?;
        let group = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
        Ok(format!("/subscriptions/{subscription}{group}/providers/{}", typed(call, scopes)?).into())
    }),
    reads("subscription", 0, 0, |call| {
        let target = call.scope()?.target;
        let id = target.id.subscription().ok_or_else(|| call.bad("the resource lies in no subscription"))?;
        let stored = target.subscription.as_deref().and_then(Value::as_object);
        let of = |member: &str| stored.and_then(|found| get(found, member)).cloned();
        Ok(json!({
            "id": format!("/subscriptions/{id}"), "subscriptionId": id,
            "displayName": of("displayName"), "tenantId": of("tenantId"),
            "tags": of("tags").unwrap_or_else(|| Value::Object(Map::new())),
        }))
    }),
    reads("subscriptionResourceId", 2, usize::MAX, |call| {
        let given = call.text(0)?;
        let (subscription, from) = match given.contains('/') {
            true => (call.scope()?.target.id.subscription().unwrap_or_default(), 0),
            false => (given, 1),
        };
        Ok(format!("/subscriptions/{subscription}/providers/{}", typed(call, from)?).into())
    }),
    pure("tenantResourceId", 2, usize::MAX, |call| Ok(format!("/providers/{}", typed(call, 0)?).into())),
    reads("variables", 1, 1, |call| {
        let name = call.text(0)?;
        let variables = call.scope()?.variables.ok_or_else(|| {
            call.bad("a policy rule has no variables; only the template of a deployment has")
        })?;
        get(variables, name).cloned().ok_or_else(|| ExpressionError::UnknownVariable(name.to_owned()))
    }),
];

/// `Namespace/type/name[/type/name…]` of the arguments from `at` on: a type and a name for each of its parts.
fn typed(call: &Call<'_>, at: usize) -> Result<String, ExpressionError> {
    let mut types = call.text(at)?.split('/');
    let namespace = types.next().unwrap_or_default();
    let types: Vec<&str> = types.collect();
    let names = &call.arguments[at + 1..];
    if types.is_empty() || types.len() != names.len() {
        return Err(call.bad(format!("{} types have {} names", types.len(), names.len())));
    }
    let pairs = types.iter().zip(names).map(|(ty, name)| format!("/{ty}/{}", text_of(name)));
    Ok(format!("{namespace}{}", pairs.collect::<String>()))
}

/// The one resource that built-in policies refer to while they deploy: the sensor's onboarding package. Our agent
/// is onboarded by its certificate, so the package is empty.
fn reference(call: &Call<'_>) -> Result<Value, ExpressionError> {
    let id = call.text(0)?;
    if id.to_ascii_lowercase().contains("/providers/microsoft.security/mdeonboardings/") {
        let package = json!({"onboardingPackageLinux": "", "onboardingPackageWindows": ""});
        // The whole resource with `'Full'`, else its properties; built-in definitions use both forms.
        let mut answer = package.clone();
        answer["properties"] = package;
        return Ok(answer);
    }
    Err(call.bad(format!(
        "`{}` cannot be read while a policy deploys; pass what is needed as a parameter",
        id.chars().take(200).collect::<String>()
    )))
}
