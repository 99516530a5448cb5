//! Microsoft.Security/pricings: the plans. A plan that was never set is there, as `Free`.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::scope;
use crate::http::Failure;
use bartizan_api::ApiError;

/// Plans that this server can act on. Turning on any other would promise a protection that is not there.
const PROVIDED: &str = "VirtualMachines";
/// Plans as clients know them, and their sub-plans.
const PLANS: &[(&str, &[&str])] = &[
    ("Api", &["P1", "P2", "P3", "P4", "P5"]),
    ("AppServices", &[]),
    ("Arm", &["PerApiCall", "PerSubscription"]),
    ("CloudPosture", &[]),
    ("Containers", &[]),
    ("CosmosDbs", &[]),
    ("KeyVaults", &["PerTransaction", "PerKeyVault"]),
    ("OpenSourceRelationalDatabases", &[]),
    ("SqlServerVirtualMachines", &[]),
    ("SqlServers", &[]),
    ("StorageAccounts", &["DefenderForStorageV2", "PerStorageAccount", "PerTransaction"]),
    ("VirtualMachines", &["P1", "P2"]),
];
const TIERS: [&str; 2] = ["Free", "Standard"];
/// On this wire truth is a text.
const TRUTHS: [&str; 2] = ["True", "False"];

pub(super) struct Pricings;

#[async_trait]
impl Kind for Pricings {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let (name, sub_plans) = plan(draft.id.name()).ok_or_else(|| {
            let names: Vec<&str> = PLANS.iter().map(|(name, _)| *name).collect();
            not_one_of("name", &draft.id.name().into(), &names)
        })?;
        let tier = draft.text("pricingTier").to_owned();
        if !TIERS.contains(&tier.as_str()) {
            return Err(not_one_of("properties.pricingTier", draft.property("pricingTier"), &TIERS).into());
        }
        if tier == "Standard" && *name != PROVIDED {
            return Err(ApiError::invalid(format!(
                "the plan `{name}` protects nothing on this server yet, so it cannot be turned on; `{PROVIDED}` can"
            ))
            .into());
        }
        let sub_plan = draft.property("subPlan").clone();
        if tier == "Free" {
            draft.body["properties"].as_object_mut().expect("a draft has properties").shift_remove("subPlan");
        } else if sub_plan.is_null() {
            // Azure's default for servers.
            if *name == "VirtualMachines" {
                draft.set("subPlan", "P2");
            }
        } else if !sub_plan.as_str().is_some_and(|text| sub_plans.contains(&text)) {
            return Err(not_one_of("properties.subPlan", &sub_plan, sub_plans).into());
        }
        let enforce = draft.property("enforce").clone();
        if !enforce.is_null() && !enforce.as_str().is_some_and(|text| TRUTHS.contains(&text)) {
            return Err(not_one_of("properties.enforce", &enforce, &TRUTHS).into());
        }
        check_extensions(draft.property("extensions"))?;
        draft.keep(&["enablementTime", "freeTrialRemainingTime"]);
        if tier == "Standard" && draft.property("enablementTime").is_null() {
            draft.set("enablementTime", app.clock.now().to_string());
        }
        if tier == "Free" {
            draft.body["properties"]
                .as_object_mut()
                .expect("a draft has properties")
                .shift_remove("enablementTime");
        }
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        // The plan of a single machine exists only once it is set.
        let at_subscription = id.parent().is_some_and(|scope| scope::is_subscription(&scope));
        Ok(plan(id.name()).filter(|_| at_subscription).map(|_| computed(id.clone(), free())))
    }

    async fn absent_all(&self, _app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        if !scope::is_subscription(scope) {
            return Ok(Vec::new());
        }
        let ids = PLANS.iter().filter_map(|(name, _)| {
            scope.join(&format!("providers/Microsoft.Security/pricings/{name}")).ok()
        });
        Ok(ids.map(|id| computed(id, free())).collect())
    }
}

fn plan(name: &str) -> Option<&'static (&'static str, &'static [&'static str])> {
    PLANS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn free() -> Value {
    json!({"properties": {"pricingTier": "Free", "freeTrialRemainingTime": "PT0S"}})
}

fn check_extensions(extensions: &Value) -> Result<(), Failure> {
    let path = "properties.extensions";
    match extensions {
        Value::Null => Ok(()),
        Value::Array(entries) => {
            for entry in entries {
                if entry["name"].as_str().is_none_or(str::is_empty) {
                    return Err(ApiError::field(path, "an extension needs a `name`").into());
                }
                let on = &entry["isEnabled"];
                if !on.as_str().is_some_and(|text| TRUTHS.contains(&text)) {
                    return Err(not_one_of("properties.extensions.isEnabled", on, &TRUTHS).into());
                }
            }
            Ok(())
        }
        _ => Err(ApiError::field(path, "`extensions` must be a list").into()),
    }
}
