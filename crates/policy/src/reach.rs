//! Which types of resources a definition can be about, before it is assigned.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use serde_json::{Map, json};

use crate::assignment::Assignment;
use crate::definition::{Definition, Mode};
use crate::expression::Steps;
use crate::field::Field;
use crate::restriction::mentions;
use crate::rule::Rule;
use crate::target::Target;

/// A scope for asking; nothing is assigned at it.
const SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-000000000000";

/// What a definition can be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Resources of at least one of the types that were asked about.
    Evaluated,
    /// Other types only: those that its condition names.
    Elsewhere(Vec<String>),
    /// A service's own mode.
    DataPlane(String),
}

/// Whether `definition` can be about resources of one of `types`, whatever its parameters are.
pub fn reach(definition: &Arc<Definition>, types: &[&str]) -> Reach {
    if let Mode::DataPlane(mode) = &definition.mode {
        return Reach::DataPlane(mode.clone());
    }
    let assigned =
        ResourceId::parse(&format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/a"));
    let body = json!({"properties": {"policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/a"}});
    let assignment = assigned.ok().and_then(|id| Assignment::parse(&id, &body).ok());
    let Some(assignment) = assignment else { return Reach::Evaluated };
    // Without parameters: what they decide is not known, and so possible.
    let rule = Rule::new(Arc::new(assignment), Arc::clone(definition), None, Map::new());
    let of_type = |kind: &str| {
        let (namespace, kinds) = kind.split_once('/').unwrap_or((kind, "x"));
        let names = kinds.split('/').map(|kind| format!("{kind}/x")).collect::<Vec<_>>().join("/");
        let id = ResourceId::parse(&format!("{SCOPE}/resourceGroups/x/providers/{namespace}/{names}"));
        id.is_ok_and(|id| rule.could_be_about_type_of(&Target::new(id, json!({}))))
    };
    if types.iter().any(|kind| of_type(kind)) {
        return Reach::Evaluated;
    }
    let mut named = Vec::new();
    let steps = Steps::default();
    let anything = ResourceId::parse(SCOPE).map(|id| Target::new(id, json!({})));
    if let (Ok(field), Ok(target)) = (Field::parse("type"), anything) {
        mentions(&rule.condition, &field, &rule.scope(&target, Ticks(0), None, &steps), &mut named);
    }
    Reach::Elsewhere(named)
}
