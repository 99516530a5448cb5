//! Microsoft.Security/pricings: the plans. A plan that was never set is there, as `Free`; a machine without a pricing of
//! its own has that of its subscription.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_content::plans::{PlanInfo, plan, plans};
use bartizan_records::{Actor, Resource, Written};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::scope;
use crate::http::Failure;
use crate::plans::component::MACHINE_TYPE;
use crate::plans::features::subscription_of;
use crate::plans::plan::{PRICING_TYPE, SERVERS, is_enforced, security_id};
use crate::plans::{direct, trial};

const TIERS: [&str; 2] = ["Free", "Standard"];
/// On this wire truth is a text.
const TRUTHS: [&str; 2] = ["True", "False"];
/// What an answer says and nobody can set.
const COMPUTED: [&str; 7] = [
    "freeTrialRemainingTime",
    "inherited",
    "inheritedFrom",
    "resourcesCoverageStatus",
    "deprecated",
    "replacedBy",
    "protection",
];

pub(super) struct Pricings;

#[async_trait]
impl Kind for Pricings {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let info = plan(draft.id.name()).ok_or_else(|| {
            let names: Vec<&str> = plans().iter().map(|plan| plan.name.as_str()).collect();
            not_one_of("name", &draft.id.name().into(), &names)
        })?;
        let tier = draft.text("pricingTier").to_owned();
        if !TIERS.contains(&tier.as_str()) {
            return Err(not_one_of("properties.pricingTier", draft.property("pricingTier"), &TIERS).into());
        }
        let is_on = tier == "Standard";
        if is_on {
            switchable(info)?;
        }
        let at_subscription = draft.id.parent().is_some_and(|scope| scope::is_subscription(&scope));
        if !at_subscription {
            check_machine(app, draft.id, info).await?;
        }
        let sub_plans = if at_subscription { &info.sub_plans } else { &info.machine_sub_plans };
        let sub_plans: Vec<&str> = sub_plans.iter().map(String::as_str).collect();
        check_sub_plan(draft, info, is_on, at_subscription, &sub_plans)?;
        let enforce = draft.property("enforce").clone();
        if !enforce.is_null() {
            if !enforce.as_str().is_some_and(|text| TRUTHS.contains(&text)) {
                return Err(not_one_of("properties.enforce", &enforce, &TRUTHS).into());
            }
            if !at_subscription {
                let text = "`enforce` is for a subscription's pricing: a machine has nothing below it";
                return Err(ApiError::field("properties.enforce", text).into());
            }
        }
        check_extensions(draft.property("extensions"), info)?;
        let was_on = draft.before.and_then(|before| before.property("pricingTier"));
        if is_on && was_on.is_some_and(|tier| tier == "Standard") && draft.property("extensions").is_null() {
            // A client that changes the tier says nothing of the plan's settings.
            draft.keep(&["extensions"]);
        }
        check_designation(app, draft, at_subscription).await?;
        draft.keep(&["enablementTime"]);
        let properties = properties(&mut draft.body);
        COMPUTED.iter().for_each(|name| drop(properties.shift_remove(*name)));
        for extension in properties.get_mut("extensions").and_then(Value::as_array_mut).into_iter().flatten()
        {
            extension.as_object_mut().map(|members| members.shift_remove("operationStatus"));
        }
        if !is_on {
            properties.shift_remove("enablementTime");
        } else if properties.get("enablementTime").is_none_or(Value::is_null) {
            properties.insert("enablementTime".to_owned(), app.clock.now().to_string().into());
        }
        Ok(())
    }

    /// Two subscriptions that are designated at the same time: one is told of the other.
    fn rival(&self, id: &ResourceId, body: &Value) -> Option<fn(&Resource) -> bool> {
        let designates = id.name().eq_ignore_ascii_case(SERVERS) && direct::designates(body);
        designates.then_some(direct::is_designation)
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        let (resource, now) = (&written.resource, app.clock.now());
        let Some(subscription) = subscription_of(&resource.id) else { return Ok(()) };
        if resource.property("pricingTier").and_then(Value::as_str) == Some("Standard") {
            trial::start(&app.records, &subscription, resource.id.name(), now).await?;
        }
        if is_enforced(resource) {
            // What is below takes the subscription's: that is what enforcing means.
            for own in app.records.list_all(&subscription, PRICING_TYPE).await? {
                let same = own.id.name().eq_ignore_ascii_case(resource.id.name());
                if same && own.id != resource.id {
                    app.records.delete(&own.id, &Actor::system("Enforced pricing"), None).await?;
                }
            }
        }
        Ok(())
    }

    async fn present(&self, app: &App, found: &mut Resource) -> Result<(), Failure> {
        let Some(info) = plan(found.id.name()) else { return Ok(()) };
        let (Some(scope), Some(subscription)) = (found.id.parent(), subscription_of(&found.id)) else {
            return Ok(());
        };
        let left = trial::left(&app.records, &subscription, &info.name, app.clock.now()).await?;
        let is_on = found.property("pricingTier").and_then(Value::as_str) == Some("Standard");
        let coverage =
            if scope == subscription { Some(coverage(app, &subscription, info, is_on).await?) } else { None };
        let properties = properties(&mut found.body);
        properties.insert("freeTrialRemainingTime".to_owned(), trial::duration(left).into());
        properties.insert("deprecated".to_owned(), (!info.replaced_by.is_empty()).into());
        if !info.replaced_by.is_empty() {
            properties.insert("replacedBy".to_owned(), json!(info.replaced_by));
        }
        match coverage {
            Some(coverage) => drop(properties.insert("resourcesCoverageStatus".to_owned(), coverage.into())),
            None => drop(properties.entry("inherited").or_insert_with(|| "False".into())),
        }
        if is_on {
            let extensions = properties.get("extensions").cloned().unwrap_or(Value::Null);
            if !info.extensions.is_empty() {
                properties.insert("extensions".to_owned(), shown_extensions(&extensions, info));
            }
        }
        let state = match (is_on, info.protects.is_empty()) {
            (false, _) => "Off",
            (true, true) => "NothingProtected",
            (true, false) if info.lacks.is_empty() => "On",
            (true, false) => "Partial",
        };
        let protection = json!({"state": state, "protects": info.protects, "lacks": info.lacks,
            "switchable": info.switchable && info.replaced_by.is_empty()});
        properties.insert("protection".to_owned(), protection);
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let (Some(info), Some(scope)) = (plan(id.name()), id.parent()) else { return Ok(None) };
        if scope::is_subscription(&scope) {
            return Ok(Some(computed(id.clone(), free())));
        }
        if !is_machine(&scope) || info.machine_sub_plans.is_empty() {
            return Ok(None);
        }
        Ok(inherited(app, id, info).await?)
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let of = |info: &PlanInfo| security_id(scope, &format!("pricings/{}", info.name)).ok();
        if scope::is_subscription(scope) {
            return Ok(plans().iter().filter_map(of).map(|id| computed(id, free())).collect());
        }
        let mut out = Vec::new();
        if is_machine(scope) {
            for info in plans().iter().filter(|info| !info.machine_sub_plans.is_empty()) {
                if let Some(id) = of(info) {
                    out.extend(inherited(app, &id, info).await?);
                }
            }
        }
        Ok(out)
    }
}

fn is_machine(scope: &ResourceId) -> bool {
    scope.resource_type().eq_ignore_ascii_case(MACHINE_TYPE)
}

fn properties(body: &mut Value) -> &mut Map<String, Value> {
    if !body["properties"].is_object() {
        body["properties"] = json!({});
    }
    body["properties"].as_object_mut().expect("made above")
}

/// Refuses to turn on what would promise a protection that is not there.
fn switchable(info: &PlanInfo) -> Result<(), Failure> {
    let PlanInfo { name, lacks, replaced_by, .. } = info;
    if !replaced_by.is_empty() {
        let text = format!("the plan `{name}` is deprecated; turn on `{}` instead", replaced_by.join("`, `"));
        return Err(ApiError::coded(ErrorKind::Invalid, "PricingDeprecated", text).into());
    }
    if !info.switchable {
        let able = plans().iter().filter(|plan| plan.switchable).map(|plan| plan.name.as_str());
        let able: Vec<&str> = able.collect();
        let text = format!(
            "the plan `{name}` protects nothing on this server, so it cannot be turned on ({lacks}); these can: {}",
            able.join(", ")
        );
        return Err(ApiError::coded(ErrorKind::Invalid, "PricingNotAvailable", text).into());
    }
    Ok(())
}

/// A pricing of a single machine: what it may be for, and whether its subscription lets it differ.
async fn check_machine(app: &App, id: &ResourceId, info: &PlanInfo) -> Result<(), Failure> {
    let name = &info.name;
    let machine = id.parent().filter(is_machine).filter(|_| !info.machine_sub_plans.is_empty());
    let Some(machine) = machine else {
        let able = plans().iter().filter(|plan| !plan.machine_sub_plans.is_empty());
        let able: Vec<&str> = able.map(|plan| plan.name.as_str()).collect();
        let text = format!(
            "the plan `{name}` cannot be set here: plans are set on a subscription, and {} also on a machine ({MACHINE_TYPE})",
            able.join(", ")
        );
        return Err(ApiError::coded(ErrorKind::Invalid, "InvalidScope", text).into());
    };
    if app.records.get(&machine).await?.is_none() {
        return Err(ApiError::not_found(machine.as_str()).into());
    }
    let above = subscription_of(id).and_then(|at| security_id(&at, &format!("pricings/{name}")).ok());
    let above = match above {
        Some(above) => app.records.get(&above).await?,
        None => None,
    };
    if above.as_ref().is_some_and(is_enforced) {
        let text = format!(
            "the subscription enforces its plan `{name}` (`enforce` is `True`), so a machine cannot have another; set `enforce` to `False` first"
        );
        return Err(ApiError::coded(ErrorKind::Conflict, "PricingEnforcedBySubscription", text).into());
    }
    Ok(())
}

fn check_sub_plan(
    draft: &mut Draft<'_>,
    info: &PlanInfo,
    is_on: bool,
    at_subscription: bool,
    sub_plans: &[&str],
) -> Result<(), Failure> {
    let sub_plan = draft.property("subPlan").clone();
    if !is_on {
        properties(&mut draft.body).shift_remove("subPlan");
        return Ok(());
    }
    // A machine takes the sub-plan that it may have; a subscription the plan's default.
    let default = if at_subscription { info.default_sub_plan.as_deref() } else { sub_plans.first().copied() };
    match (sub_plan.as_str(), default) {
        (None, Some(default)) if sub_plan.is_null() => draft.set("subPlan", default),
        (None, None) if sub_plan.is_null() => drop(properties(&mut draft.body).shift_remove("subPlan")),
        (Some(text), _) if sub_plans.contains(&text) => {}
        _ if sub_plans.is_empty() => {
            let text = format!("the plan `{}` has no sub-plans; leave `subPlan` out", info.name);
            return Err(ApiError::field("properties.subPlan", text).into());
        }
        _ if !at_subscription
            && info.sub_plans.iter().any(|known| Some(known.as_str()) == sub_plan.as_str()) =>
        {
            let text = format!(
                "a single machine can be Free or {}; set the others on the subscription",
                sub_plans.join(", ")
            );
            return Err(ApiError::field("properties.subPlan", text).into());
        }
        _ => return Err(not_one_of("properties.subPlan", &sub_plan, sub_plans).into()),
    }
    Ok(())
}

/// There is one designated subscription in a tenant, and no machine can be one.
async fn check_designation(app: &App, draft: &Draft<'_>, at_subscription: bool) -> Result<(), Failure> {
    if !draft.id.name().eq_ignore_ascii_case(SERVERS) || !direct::designates(&draft.body) {
        return Ok(());
    }
    if !at_subscription {
        let text = format!("`{}` is for a subscription's pricing", direct::DESIGNATES);
        return Err(ApiError::field("properties.extensions", text).into());
    }
    let other = direct::designated(&app.records).await?;
    if let Some(other) = other.filter(|other| draft.id.parent().as_ref() != Some(other)) {
        let text = format!(
            "the subscription `{other}` is designated for direct onboarding already, and a tenant has one; switch its \
             extension `{}` off first",
            direct::DESIGNATES
        );
        return Err(ApiError::coded(ErrorKind::Conflict, "DesignatedSubscriptionExists", text).into());
    }
    Ok(())
}

fn check_extensions(extensions: &Value, info: &PlanInfo) -> Result<(), Failure> {
    let path = "properties.extensions";
    let entries = match extensions {
        Value::Null => return Ok(()),
        Value::Array(entries) => entries,
        _ => return Err(ApiError::field(path, "`extensions` must be a list").into()),
    };
    let known: Vec<&str> = info.extensions.iter().map(|extension| extension.name.as_str()).collect();
    let mut seen: Vec<&str> = Vec::new();
    for entry in entries {
        let name = entry["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(ApiError::field(path, "an extension needs a `name`").into());
        }
        if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let error = if known.is_empty() {
                ApiError::field(
                    "properties.extensions.name",
                    format!("the plan `{}` has no extensions", info.name),
                )
            } else {
                not_one_of("properties.extensions.name", &entry["name"], &known)
            };
            return Err(error.into());
        }
        if seen.iter().any(|seen| seen.eq_ignore_ascii_case(name)) {
            return Err(ApiError::field(path, format!("the extension `{name}` is there twice")).into());
        }
        seen.push(name);
        let on = &entry["isEnabled"];
        if !on.as_str().is_some_and(|text| TRUTHS.contains(&text)) {
            return Err(not_one_of("properties.extensions.isEnabled", on, &TRUTHS).into());
        }
        let more = &entry["additionalExtensionProperties"];
        if !more.is_null() && !more.is_object() {
            let path = "properties.extensions.additionalExtensionProperties";
            return Err(ApiError::field(path, "it must be an object").into());
        }
    }
    Ok(())
}

/// All extensions of a plan that is on, those that nobody set by their default, each with how it is doing.
fn shown_extensions(set: &Value, info: &PlanInfo) -> Value {
    let shown = info.extensions.iter().map(|extension| {
        let same = |entry: &&Value| {
            entry["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&extension.name))
        };
        let set = set.as_array().into_iter().flatten().find(same);
        let default = if extension.on { "True" } else { "False" };
        let is_on = set.and_then(|entry| entry["isEnabled"].as_str()).unwrap_or(default);
        let mut entry = json!({"name": extension.name, "isEnabled": is_on});
        if let Some(more) =
            set.map(|entry| &entry["additionalExtensionProperties"]).filter(|more| more.is_object())
        {
            entry["additionalExtensionProperties"] = more.clone();
        }
        if is_on == "True" {
            entry["operationStatus"] = match extension.lacks.as_str() {
                "" => json!({"code": "Succeeded", "message": ""}),
                lacks => {
                    json!({"code": "Failed", "message": format!("It has no effect on this server. {lacks}")})
                }
            };
        }
        entry
    });
    shown.collect()
}

/// How much of a subscription the plan covers: machines may have another than it.
async fn coverage(
    app: &App,
    subscription: &ResourceId,
    info: &PlanInfo,
    is_on: bool,
) -> Result<&'static str, Failure> {
    if info.protects.is_empty() {
        return Ok("NotCovered");
    }
    if !info.name.eq_ignore_ascii_case(SERVERS) {
        return Ok(if is_on { "FullyCovered" } else { "NotCovered" });
    }
    let own = app.records.list_all(subscription, PRICING_TYPE).await?;
    let own = own.iter().filter(|own| own.id.name().eq_ignore_ascii_case(SERVERS));
    let tier = |own: &Resource| own.property("pricingTier").and_then(Value::as_str) == Some("Standard");
    let differs =
        own.filter(|own| own.id.parent().as_ref() != Some(subscription)).any(|own| tier(own) != is_on);
    Ok(match (is_on, differs) {
        (_, true) => "PartiallyCovered",
        (true, false) => "FullyCovered",
        (false, false) => "NotCovered",
    })
}

/// What a machine without a pricing of its own has; `None` when there is no such machine.
async fn inherited(app: &App, id: &ResourceId, info: &PlanInfo) -> Result<Option<Resource>, Failure> {
    let (Some(machine), Some(subscription)) = (id.parent(), subscription_of(id)) else { return Ok(None) };
    if app.records.get(&machine).await?.is_none() {
        return Ok(None);
    }
    let above = match security_id(&subscription, &format!("pricings/{}", info.name)) {
        Ok(above) => app.records.get(&above).await?,
        Err(_) => None,
    };
    let mut body = above.map_or_else(free, |above| above.body);
    let properties = properties(&mut body);
    properties.shift_remove("enforce");
    properties.insert("inherited".to_owned(), "True".into());
    properties.insert("inheritedFrom".to_owned(), subscription.as_str().into());
    Ok(Some(computed(id.clone(), body)))
}

fn free() -> Value {
    json!({"properties": {"pricingTier": "Free"}})
}
