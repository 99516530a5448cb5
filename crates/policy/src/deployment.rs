//! The template that a `deployIfNotExists` deploys → the resources that it writes.
//!
//! Parameters, variables, conditions, nested templates and resources that hang on others are worked out. `copy`,
//! `outputs` that are read back, and linked templates are refused with their place: half a deployment is worse than none.

use bartizan_base::{ResourceId, ResourceIdError};
use serde_json::{Map, Value};

use crate::expression::{ExpressionError, Scope, Template};
use crate::value::{get, text_of};

/// Most resources of one deployment; Azure's limit is 800.
const RESOURCES_MAX: usize = 200;
/// Deepest nesting of templates.
const NESTING_MAX: usize = 4;
/// Members of a template resource that are not part of its body.
const NOT_BODY: [&str; 9] =
    ["type", "name", "apiVersion", "dependsOn", "condition", "scope", "copy", "comments", "resources"];

/// A resource that a deployment is going to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub id: ResourceId,
    pub body: Value,
}

/// Why a deployment cannot be worked out. Places are JSON pointers from the template on.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("policy has no deployment template")]
    NoTemplate,
    #[error("template at `{place}` has no usable `{member}`")]
    Member { place: String, member: &'static str },
    #[error("template at `{place}` has {names} names for {types} types")]
    Names { place: String, names: usize, types: usize },
    #[error("template at `{place}` uses `{what}`, which is not supported in a policy; {instead}")]
    Unsupported { place: String, what: &'static str, instead: &'static str },
    #[error("template parameter `{0}` has no value; pass it in `deployment.properties.parameters`")]
    Parameter(String),
    #[error("template writes more than {RESOURCES_MAX} resources")]
    TooMany,
    #[error("templates nest deeper than {NESTING_MAX} levels")]
    TooDeep,
    #[error("template at `{place}`: {source}")]
    Expression { place: String, source: ExpressionError },
    #[error("template at `{place}`: {source}")]
    Id { place: String, source: ResourceIdError },
}

/// Where a template's resources go.
struct Place {
    subscription: String,
    group: Option<String>,
}

/// The resources that `deployment` (`details.deployment`) writes.
pub(crate) fn plan(
    deployment: &Value,
    to_subscription: bool,
    scope: &Scope<'_>,
) -> Result<Vec<Planned>, DeploymentError> {
    let properties =
        deployment.get("properties").and_then(Value::as_object).ok_or(DeploymentError::NoTemplate)?;
    let id = &scope.target.id;
    let place = Place {
        subscription: id.subscription().unwrap_or_default().to_owned(),
        group: id.resource_group().filter(|_| !to_subscription).map(str::to_owned),
    };
    let mut out = Vec::new();
    inner(properties, &place, scope, "", 0, &mut out)?;
    Ok(out)
}

/// A template of its own: its parameters are given by `properties.parameters`, worked out outside of it.
fn inner(
    properties: &Map<String, Value>,
    place: &Place,
    scope: &Scope<'_>,
    at: &str,
    depth: usize,
    out: &mut Vec<Planned>,
) -> Result<(), DeploymentError> {
    let template = template_of(properties, at)?;
    let mut parameters = Map::new();
    let given = get(properties, "parameters").and_then(Value::as_object);
    for (name, parameter) in given.into_iter().flatten() {
        let value = parameter.get("value").unwrap_or(&Value::Null);
        parameters.insert(name.clone(), resolve(value, scope, &format!("{at}/parameters/{name}"))?);
    }
    for (name, declared) in get(template, "parameters").and_then(Value::as_object).into_iter().flatten() {
        if get(&parameters, name).is_some() {
            continue;
        }
        let default = declared.get("defaultValue").ok_or_else(|| DeploymentError::Parameter(name.clone()))?;
        let none = Map::new();
        let inner = Scope { parameters: &none, variables: Some(&none), ..*scope };
        let value = resolve(default, &inner, &format!("{at}/template/parameters/{name}/defaultValue"))?;
        parameters.insert(name.clone(), value);
    }
    let none = Map::new();
    let bare = Scope { parameters: &parameters, variables: Some(&none), ..*scope };
    let variables = variables(template, &bare, at)?;
    let inner = Scope { parameters: &parameters, variables: Some(&variables), ..*scope };
    resources(template, place, &inner, at, depth, out)
}

fn template_of<'t>(
    properties: &'t Map<String, Value>,
    at: &str,
) -> Result<&'t Map<String, Value>, DeploymentError> {
    if get(properties, "templateLink").is_some() {
        return Err(DeploymentError::Unsupported {
            place: at.to_owned(),
            what: "templateLink",
            instead: "put the template itself into `template`",
        });
    }
    get(properties, "template").and_then(Value::as_object).ok_or(DeploymentError::NoTemplate)
}

/// Variables may use one another: those that can be worked out are, round by round, until none is left.
fn variables(
    template: &Map<String, Value>,
    scope: &Scope<'_>,
    at: &str,
) -> Result<Map<String, Value>, DeploymentError> {
    let declared = get(template, "variables").and_then(Value::as_object);
    let mut waiting: Vec<(&String, &Value)> = declared.into_iter().flatten().collect();
    let mut known = Map::new();
    while !waiting.is_empty() {
        let mut left = Vec::new();
        let mut failure = None;
        let before = known.len();
        for (name, value) in waiting {
            let inner = Scope { variables: Some(&known), ..*scope };
            match resolve(value, &inner, &format!("{at}/template/variables/{name}")) {
                Ok(value) => {
                    known.insert(name.clone(), value);
                }
                Err(error) => {
                    failure = Some(error);
                    left.push((name, value));
                }
            }
        }
        match failure {
            Some(error) if known.len() == before => return Err(error),
            _ => waiting = left,
        }
    }
    Ok(known)
}

fn resources(
    template: &Map<String, Value>,
    place: &Place,
    scope: &Scope<'_>,
    at: &str,
    depth: usize,
    out: &mut Vec<Planned>,
) -> Result<(), DeploymentError> {
    if depth > NESTING_MAX {
        return Err(DeploymentError::TooDeep);
    }
    let list: Vec<&Value> = match get(template, "resources") {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(named)) => named.values().collect(),
        _ => return Err(DeploymentError::Member { place: at.to_owned(), member: "resources" }),
    };
    for (index, resource) in list.into_iter().enumerate() {
        let at = format!("{at}/template/resources/{index}");
        resource_at(resource, place, scope, &at, depth, None, out)?;
    }
    Ok(())
}

fn resource_at(
    resource: &Value,
    place: &Place,
    scope: &Scope<'_>,
    at: &str,
    depth: usize,
    parent: Option<(&str, &str)>,
    out: &mut Vec<Planned>,
) -> Result<(), DeploymentError> {
    if out.len() >= RESOURCES_MAX {
        return Err(DeploymentError::TooMany);
    }
    let members = resource
        .as_object()
        .ok_or_else(|| DeploymentError::Member { place: at.to_owned(), member: "type" })?;
    if get(members, "copy").is_some() {
        return Err(DeploymentError::Unsupported {
            place: at.to_owned(),
            what: "copy",
            instead: "list the resources one by one",
        });
    }
    if let Some(condition) = get(members, "condition") {
        let held = resolve(condition, scope, &format!("{at}/condition"))?;
        if !text_of(&held).eq_ignore_ascii_case("true") {
            return Ok(());
        }
    }
    let text = |member: &'static str| {
        let missing = || DeploymentError::Member { place: at.to_owned(), member };
        let value = resolve(get(members, member).ok_or_else(missing)?, scope, &format!("{at}/{member}"))?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(missing)
    };
    let (mut ty, mut name) = (text("type")?, text("name")?);
    if ty.eq_ignore_ascii_case("Microsoft.Resources/deployments") {
        return nested(members, place, scope, at, depth, out);
    }
    if let Some((parent_type, parent_name)) = parent {
        (ty, name) = (format!("{parent_type}/{ty}"), format!("{parent_name}/{name}"));
    }
    let on = get(members, "scope").map(|on| resolve(on, scope, &format!("{at}/scope"))).transpose()?;
    let id = id_of(at, &ty, &name, on.as_ref().map(text_of).as_deref(), place)?;
    let mut body = Map::new();
    for (member, value) in members {
        if !NOT_BODY.iter().any(|name| name.eq_ignore_ascii_case(member)) {
            body.insert(member.clone(), resolve(value, scope, &format!("{at}/{member}"))?);
        }
    }
    out.push(Planned { id, body: Value::Object(body) });
    for (index, child) in
        get(members, "resources").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        if depth >= NESTING_MAX {
            return Err(DeploymentError::TooDeep);
        }
        resource_at(
            child,
            place,
            scope,
            &format!("{at}/resources/{index}"),
            depth + 1,
            Some((&ty, &name)),
            out,
        )?;
    }
    Ok(())
}

/// A template inside a template. With `inner` scope it has parameters of its own; otherwise its expressions are those
/// of the template around it.
fn nested(
    members: &Map<String, Value>,
    place: &Place,
    scope: &Scope<'_>,
    at: &str,
    depth: usize,
    out: &mut Vec<Planned>,
) -> Result<(), DeploymentError> {
    if depth >= NESTING_MAX {
        return Err(DeploymentError::TooDeep);
    }
    let properties =
        get(members, "properties").and_then(Value::as_object).ok_or(DeploymentError::NoTemplate)?;
    let other = |member: &str| {
        let value =
            get(members, member).map(|value| resolve(value, scope, &format!("{at}/{member}"))).transpose();
        value.map(|value| value.map(|value| text_of(&value).into_owned()).filter(|text| !text.is_empty()))
    };
    let subscription = other("subscriptionId")?;
    let group = match other("resourceGroup")? {
        Some(group) => Some(group),
        // A deployment with a location is one at the subscription.
        None if subscription.is_some() || get(members, "location").is_some() => None,
        None => place.group.clone(),
    };
    let place = Place { subscription: subscription.unwrap_or_else(|| place.subscription.clone()), group };
    let options = get(properties, "expressionEvaluationOptions");
    let is_inner = options
        .and_then(|options| options.get("scope"))
        .is_some_and(|scope| text_of(scope).eq_ignore_ascii_case("inner"));
    let at = format!("{at}/properties");
    let declares = template_of(properties, &at)?.get("parameters").and_then(Value::as_object);
    // Published definitions nest templates that declare parameters and mean their own, without saying `inner`.
    if is_inner || declares.is_some_and(|declared| !declared.is_empty()) {
        inner(properties, &place, scope, &at, depth + 1, out)
    } else {
        resources(template_of(properties, &at)?, &place, scope, &at, depth + 1, out)
    }
}

fn resolve(value: &Value, scope: &Scope<'_>, at: &str) -> Result<Value, DeploymentError> {
    Template::parse(value)
        .and_then(|template| template.resolve(scope))
        .map_err(|source| DeploymentError::Expression { place: at.to_owned(), source })
}

/// The id of a template resource: of types and names that alternate, at the template's place or on what `scope` names.
fn id_of(
    at: &str,
    ty: &str,
    name: &str,
    scope: Option<&str>,
    place: &Place,
) -> Result<ResourceId, DeploymentError> {
    let mut types = ty.split('/');
    let namespace = types.next().unwrap_or_default();
    let (types, names): (Vec<_>, Vec<_>) = (types.collect(), name.split('/').collect());
    if types.is_empty() || types.len() != names.len() {
        return Err(DeploymentError::Names { place: at.to_owned(), names: names.len(), types: types.len() });
    }
    let mut id = match (scope, &place.group) {
        (Some(scope), _) if scope.starts_with('/') => scope.trim_end_matches('/').to_owned(),
        (Some(scope), Some(group)) => {
            format!("/subscriptions/{}/resourceGroups/{group}/providers/{scope}", place.subscription)
        }
        (Some(scope), None) => format!("/subscriptions/{}/providers/{scope}", place.subscription),
        (None, Some(group)) => format!("/subscriptions/{}/resourceGroups/{group}", place.subscription),
        (None, None) => format!("/subscriptions/{}", place.subscription),
    };
    id.push_str(&format!("/providers/{namespace}"));
    for (ty, name) in types.iter().zip(names) {
        id.push_str(&format!("/{ty}/{name}"));
    }
    ResourceId::parse(&id).map_err(|source| DeploymentError::Id { place: at.to_owned(), source })
}

/// Types whose resources hang on any other resource (`…/providers/Namespace/type/name`), in lower case.
pub(crate) fn hangs_on_others(resource_type: &str) -> bool {
    const TYPES: [&str; 8] = [
        "microsoft.insights/datacollectionruleassociations",
        "microsoft.insights/diagnosticsettings",
        "microsoft.guestconfiguration/guestconfigurationassignments",
        "microsoft.security/assessments",
        "microsoft.authorization/locks",
        "microsoft.authorization/roleassignments",
        "microsoft.maintenance/configurationassignments",
        "microsoft.policyinsights/attestations",
    ];
    TYPES.contains(&resource_type)
}
