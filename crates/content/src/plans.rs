//! The plans and what they include, from `content/plans`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

static PLANS: LazyLock<Vec<PlanInfo>> =
    LazyLock::new(|| shipped(include_str!("../../../content/plans/plans.yaml")));
static FEATURES: LazyLock<Vec<Feature>> =
    LazyLock::new(|| shipped(include_str!("../../../content/plans/features.yaml")));
static COMPONENTS: LazyLock<Vec<ComponentInfo>> =
    LazyLock::new(|| shipped(include_str!("../../../content/plans/components.yaml")));

/// A plan: a resource of type `Microsoft.Security/pricings`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanInfo {
    /// Name of the resource.
    pub name: String,
    /// As people say it.
    pub title: String,
    #[serde(default)]
    pub sub_plans: Vec<String>,
    /// Taken when the plan is turned on without one.
    pub default_sub_plan: Option<String>,
    /// Whether it can be turned on.
    #[serde(default)]
    pub switchable: bool,
    /// Sub-plans that a single machine may have of its own, beside Free; empty when the plan is not for machines.
    #[serde(default)]
    pub machine_sub_plans: Vec<String>,
    /// What it does on this server; empty when nothing.
    #[serde(default)]
    pub protects: String,
    /// What people expect of it that is not here.
    #[serde(default)]
    pub lacks: String,
    #[serde(default)]
    pub extensions: Vec<PlanExtension>,
    /// Names of the plans that took its place; not empty when the plan is deprecated.
    #[serde(default)]
    pub replaced_by: Vec<String>,
}

/// A setting of a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanExtension {
    pub name: String,
    /// Whether it is on when nobody said.
    pub on: bool,
    /// Why it has no effect; empty when it has.
    #[serde(default)]
    pub lacks: String,
}

/// Whom a feature is for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub enum Entitlement {
    /// Everybody.
    Foundational,
    /// Defender for Servers, plan 1.
    P1,
    /// Defender for Servers, plan 2.
    P2,
    /// Defender CSPM.
    CloudPosture,
}

/// Something that a plan includes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    pub key: String,
    pub title: String,
    pub plans: Vec<Entitlement>,
    /// Short name of the component that has to run on the machine; `None` when the server does it alone.
    pub component: Option<String>,
    /// What the component sends for this feature only.
    #[serde(default)]
    pub streams: Vec<String>,
    /// Why it is not here yet; empty when it is.
    #[serde(default)]
    pub lacks: String,
}

/// A row of "Settings and monitoring": something that is put on machines, here or in Azure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentInfo {
    pub name: String,
    pub title: String,
    /// The extension that carries it.
    pub extension: String,
    /// Name of the plan that it belongs to.
    pub plan: String,
    /// What it does on a machine.
    pub does: String,
    /// Where its switch is; `None` when Azure has none but the policy that deploys it.
    pub switch: Option<SwitchPlace>,
    /// Keys of features that need it, beside those that name it as their component.
    #[serde(default)]
    pub serves: Vec<String>,
    /// Why it cannot be deployed here; empty when it can.
    #[serde(default)]
    pub lacks: String,
    /// What does a part of its work here; empty when it is here itself.
    #[serde(default)]
    pub instead: String,
}

/// Where a component's switch is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchPlace {
    /// Below `{subscription}/providers/Microsoft.Security/`.
    pub resource: String,
    /// The property, or the extension of a plan, that is the switch.
    pub member: String,
}

/// All components, in order.
pub fn components() -> &'static [ComponentInfo] {
    &COMPONENTS
}

/// All plans, in order.
pub fn plans() -> &'static [PlanInfo] {
    &PLANS
}

/// The plan called `name`, in any case.
pub fn plan(name: &str) -> Option<&'static PlanInfo> {
    PLANS.iter().find(|plan| plan.name.eq_ignore_ascii_case(name))
}

/// All features, in order.
pub fn features() -> &'static [Feature] {
    &FEATURES
}

/// Embedded files are checked by the tests below; a file that were broken all the same would list nothing.
fn shipped<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_norway::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_shipped_files_hold_together() {
        let names: BTreeSet<&str> = plans().iter().map(|plan| plan.name.as_str()).collect();
        assert_eq!(names.len(), 15, "a name is there twice, or a file is broken");
        for plan in plans() {
            let name = &plan.name;
            assert!(plan.replaced_by.iter().all(|other| names.contains(other.as_str())), "{name}");
            assert!(plan.default_sub_plan.iter().all(|sub| plan.sub_plans.contains(sub)), "{name}");
            assert!(plan.machine_sub_plans.iter().all(|sub| plan.sub_plans.contains(sub)), "{name}");
            assert!(!plan.protects.is_empty() || !plan.lacks.is_empty(), "{name} says nothing of itself");
            assert!(plan.protects.is_empty() || plan.switchable, "{name}");
        }
        let keys: BTreeSet<&str> = features().iter().map(|feature| feature.key.as_str()).collect();
        assert_eq!(keys.len(), 20);
        for feature in features() {
            assert!(!feature.plans.is_empty(), "{}", feature.key);
            assert!(feature.streams.is_empty() || feature.component.is_some(), "{}", feature.key);
            // What P1 has, P2 has.
            let has = |plan| feature.plans.contains(&plan);
            assert!(!has(Entitlement::P1) || has(Entitlement::P2), "{}", feature.key);
        }
        let rows: BTreeSet<&str> = components().iter().map(|component| component.name.as_str()).collect();
        assert_eq!(rows.len(), 7, "a name is there twice, or the file is broken");
        for component in components() {
            let name = &component.name;
            assert!(names.contains(component.plan.as_str()), "{name}");
            assert!(component.serves.iter().all(|feature| keys.contains(feature.as_str())), "{name}");
            assert_eq!(component.lacks.is_empty(), component.instead.is_empty(), "{name}");
            assert!(component.switch.is_some() || !component.lacks.is_empty(), "{name} has no switch");
        }
    }
}
