//! One definition under one assignment, with its parameters in place: what is evaluated.

use std::sync::Arc;

use bartizan_base::Ticks;
use serde_json::{Map, Value};

use crate::assignment::Assignment;
use crate::change::{ConflictEffect, Operation};
use crate::condition::{Condition, Looking};
use crate::definition::{Definition, Mode, effect_named};
use crate::deployment;
use crate::effect::Effect;
use crate::expression::{PolicyFacts, Request, Scope, Steps};
use crate::related::Related;
use crate::target::Target;
use crate::value::text_of;

/// Which part of an initiative a rule stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Id of the initiative.
    pub id: String,
    pub display_name: String,
    pub version: String,
    pub category: String,
    /// The member's `policyDefinitionReferenceId`.
    pub reference: String,
    /// `policyDefinitionGroupNames` of policy states.
    pub groups: Vec<String>,
    /// Parameters of the initiative in this assignment.
    pub parameters: Map<String, Value>,
}

/// One definition under one assignment.
#[derive(Clone, Debug)]
pub struct Rule {
    pub assignment: Arc<Assignment>,
    pub definition: Arc<Definition>,
    /// Set when the definition is one of an initiative's.
    pub set: Option<Member>,
    /// The assignment's parameters, as its author gave them.
    pub given: Map<String, Value>,
    /// The definition's parameters: what was given over the defaults.
    pub parameters: Map<String, Value>,
    /// The effect before overrides; `Err` says why there is none.
    pub effect: Result<Effect, String>,
    pub(crate) condition: Condition,
    pub(crate) related: Option<Related>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) conflict: ConflictEffect,
    pub(crate) facts: PolicyFacts,
    default_state: String,
}

impl Rule {
    /// Puts `parameters` into `definition`.
    pub(crate) fn new(
        assignment: Arc<Assignment>,
        definition: Arc<Definition>,
        set: Option<Member>,
        parameters: Map<String, Value>,
    ) -> Self {
        let details = &definition.details;
        let effect = definition.effect.bind(&parameters);
        let effect = match effect.as_constant() {
            Some(name) => effect_named(&text_of(name)).map_err(|error| error.to_string()),
            None => {
                Err("the effect is not decided by the parameters; use `[parameters('effect')]`".to_owned())
            }
        };
        let conflict = details.conflict.as_ref().map(|conflict| conflict.bind(&parameters));
        let conflict =
            conflict.as_ref().and_then(|conflict| ConflictEffect::parse(&text_of(conflict.as_constant()?)));
        let default_state = details.default_state.as_ref().map(|state| state.bind(&parameters));
        let default_state = default_state.as_ref().and_then(|state| state.as_constant());
        Self {
            effect,
            condition: definition.condition.bind(&parameters),
            related: details.related.as_ref().map(|related| related.bind(&parameters)),
            operations: details.operations.iter().map(|operation| operation.bind(&parameters)).collect(),
            conflict: conflict.unwrap_or(ConflictEffect::Deny),
            facts: PolicyFacts {
                assignment_id: assignment.id.to_string(),
                definition_id: definition.id.clone(),
                set_definition_id: set.as_ref().map(|set| set.id.clone()).unwrap_or_default(),
                reference_id: set.as_ref().map(|set| set.reference.clone()).unwrap_or_default(),
            },
            default_state: default_state.map(|state| text_of(state).into_owned()).unwrap_or_default(),
            given: assignment.parameters.clone(),
            parameters,
            assignment,
            definition,
            set,
        }
    }

    /// The member's reference in its initiative; empty for a single definition.
    pub fn reference(&self) -> &str {
        &self.facts.reference_id
    }

    /// The effect on `target`: the first override that selects it, or the definition's.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn effect_on(&self, target: &Target) -> Result<Effect, String> {
        let chosen = self.assignment.overrides.iter().find(|change| change.applies(target, self.reference()));
        let effect = match chosen {
            Some(change) => change.effect,
            None => self.effect.clone()?,
        };
        self.definition.details.suits(effect).map_err(|error| error.to_string())?;
        Ok(effect)
    }

    /// Whether what does not comply can be mended: the effect, or one that an override gives, deploys or modifies.
    pub fn can_mend(&self) -> bool {
        let mends = |effect: &Effect| {
            matches!(effect, Effect::DeployIfNotExists | Effect::Modify)
                && self.definition.details.suits(*effect).is_ok()
        };
        let overrides = self.assignment.overrides.iter().map(|change| &change.effect);
        self.effect.iter().chain(overrides).any(mends)
    }

    /// Whether somebody's word decides: the effect, or one that an override gives, is manual.
    pub fn can_be_attested(&self) -> bool {
        let overrides = self.assignment.overrides.iter().map(|change| &change.effect);
        self.effect.iter().chain(overrides).any(|effect| *effect == Effect::Manual)
    }

    /// What this policy's state is without an attestation.
    pub(crate) fn default_state(&self) -> &str {
        &self.default_state
    }

    /// Whether the definition's mode leaves `target` to it.
    pub(crate) fn is_for(&self, target: &Target) -> bool {
        match self.definition.mode {
            Mode::All => true,
            Mode::Indexed => {
                let ty = target.resource_type.to_ascii_lowercase();
                let scope = [
                    "microsoft.resources/subscriptions",
                    "microsoft.resources/resourcegroups",
                    "microsoft.resources/subscriptions/resourcegroups",
                    "microsoft.management/managementgroups",
                ];
                !scope.contains(&ty.as_str()) && !deployment::hangs_on_others(&ty)
            }
            Mode::DataPlane(_) => false,
        }
    }

    /// Whether the condition could hold for some resource of the target's type.
    pub(crate) fn could_be_about_type_of(&self, target: &Target) -> bool {
        let steps = Steps::default();
        let scope = self.scope(target, Ticks(0), None, &steps);
        self.is_for(target) && self.condition.evaluate(&scope, Looking::AtType) != Ok(Some(false))
    }

    pub(crate) fn scope<'a>(
        &'a self,
        target: &'a Target,
        now: Ticks,
        request: Option<&'a Request>,
        steps: &'a Steps,
    ) -> Scope<'a> {
        Scope {
            target,
            now,
            facts: &self.facts,
            parameters: &self.parameters,
            variables: None,
            request,
            binding: None,
            steps,
        }
    }
}
