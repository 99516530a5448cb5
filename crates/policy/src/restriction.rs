//! What policies would say of a resource that is not written yet: which values a field must, must not or cannot have.

use std::sync::Arc;

use bartizan_base::Ticks;
use serde_json::Value;

use crate::admission::matching;
use crate::change::{Action, Planned, changeable};
use crate::condition::{Condition, Name, Operator, Over, Subject};
use crate::effect::Effect;
use crate::expression::{Request, Scope, Steps};
use crate::field::{Field, FieldError, FieldKind, Path};
use crate::policies::Policies;
use crate::rule::Rule;
use crate::target::Target;
use crate::value::text_of;

/// Most values that are tried for one field under one policy.
const VALUES_MAX: usize = 1_000;

/// How a policy restricts a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restricts {
    /// The field must have a value, one of those named where there are any.
    Required,
    /// The policy takes the field away.
    Removed,
    /// The field must not have one of the values named.
    Deny,
}

/// What one policy says of a field.
#[derive(Clone, Debug)]
pub struct Restriction {
    pub rule: Arc<Rule>,
    pub restricts: Restricts,
    /// What the policy sets where the field is left out.
    pub default: Option<String>,
    pub values: Vec<String>,
}

impl Restricts {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "Required",
            Self::Removed => "Removed",
            Self::Deny => "Deny",
        }
    }
}

impl Policies {
    /// What policies say of `field` in a write of `target`. With `values`, which of them are denied; without, which they
    /// would want and which they would deny, as far as their conditions compare the field with values that they name.
    ///
    /// # Errors
    /// When `field` names no field.
    pub fn restrictions(
        &self,
        target: &Target,
        field: &str,
        values: &[String],
        request: &Request,
        now: Ticks,
    ) -> Result<Vec<Restriction>, FieldError> {
        let field = Field::parse(field)?;
        let mut out = Vec::new();
        let Some(path) = place_of(&field) else { return Ok(out) };
        for (rule, effect) in self.meeting(target, now) {
            if !rule.assignment.enforced {
                continue;
            }
            let steps = Steps::default();
            let scope = rule.scope(target, now, Some(request), &steps);
            match effect {
                Effect::Append | Effect::Modify => out.extend(set_by(&rule, &scope, &path)),
                Effect::Deny => {
                    let mut named = Vec::new();
                    let mentioned = mentions(&rule.condition, &field, &scope, &mut named);
                    if mentioned {
                        let asked = Asked { rule: &rule, target, field: &field, path: &path, request, now };
                        out.extend(
                            asked.denied(if values.is_empty() { &named } else { values }, values.is_empty()),
                        );
                    }
                }
                _ => {}
            }
        }
        Ok(out)
    }
}

/// A field under one `deny` rule.
struct Asked<'a> {
    rule: &'a Arc<Rule>,
    target: &'a Target,
    field: &'a Field,
    path: &'a Path,
    request: &'a Request,
    now: Ticks,
}

impl Asked<'_> {
    fn denies(&self, target: &Target) -> bool {
        matching(self.rule, Effect::Deny, target, self.request, self.now).is_some()
    }

    fn with(&self, value: &str) -> Target {
        let change = Planned {
            action: Action::AddOrReplace,
            path: self.path.clone(),
            value: value.into(),
            field: self.field.text.clone(),
        };
        let mut target = self.target.clone();
        // What cannot be set is judged as it is.
        drop(change.apply(&mut target.body));
        target
    }

    /// What the rule says of `values`; `open` when the field may also be left out.
    fn denied(&self, values: &[String], open: bool) -> Option<Restriction> {
        let (denied, allowed): (Vec<String>, Vec<String>) =
            values.iter().take(VALUES_MAX).cloned().partition(|value| self.denies(&self.with(value)));
        let restriction = |restricts, values| {
            Some(Restriction { rule: Arc::clone(self.rule), restricts, default: None, values })
        };
        if open && self.denies(self.target) {
            // Denied whatever the field is: not this field's doing, unless any value at all would do.
            if allowed.is_empty() && (!values.is_empty() || self.denies(&self.with("any value at all"))) {
                return None;
            }
            return restriction(Restricts::Required, allowed);
        }
        if denied.is_empty() { None } else { restriction(Restricts::Deny, denied) }
    }
}

/// What an `append` or `modify` does to the field.
fn set_by(rule: &Arc<Rule>, scope: &Scope<'_>, path: &Path) -> Vec<Restriction> {
    if !rule.condition.holds(scope).unwrap_or(false) {
        return Vec::new();
    }
    let planned = rule.operations.iter().filter_map(|operation| operation.plan(scope).ok().flatten());
    let mine = planned.filter(|operation| {
        operation.path.0.len() == path.0.len()
            && operation.path.0.iter().zip(&path.0).all(|(a, b)| a.name.eq_ignore_ascii_case(&b.name))
    });
    let said = mine.map(|operation| {
        let value = text_of(&operation.value).into_owned();
        let (restricts, default, values) = match operation.action {
            Action::Remove => (Restricts::Removed, None, Vec::new()),
            // Only this value passes.
            Action::Append | Action::AddOrReplace => (Restricts::Required, Some(value.clone()), vec![value]),
            Action::Add => (Restricts::Required, Some(value), Vec::new()),
        };
        Restriction { rule: Arc::clone(rule), restricts, default, values }
    });
    said.collect()
}

/// Where in a body the field lies; `None` for what only the id says.
fn place_of(field: &Field) -> Option<Path> {
    changeable(field).or_else(|| match &field.kind {
        FieldKind::Member(path) => Some(path.clone()),
        _ => None,
    })
}

/// Whether the condition looks at the field; the values that it compares it with go into `named`.
pub(crate) fn mentions(
    condition: &Condition,
    field: &Field,
    scope: &Scope<'_>,
    named: &mut Vec<String>,
) -> bool {
    let is = |name: &Name| matches!(name, Name::Known(known) if same(known, field));
    match condition {
        Condition::All(all) | Condition::Any(all) => {
            // Not `any`: the values of all of them are wanted.
            all.iter().filter(|inner| mentions(inner, field, scope, named)).count() > 0
        }
        Condition::Not(inner) => mentions(inner, field, scope, named),
        Condition::Test(test) => match &test.subject {
            Subject::Field(name) if is(name) => {
                let names = [Operator::Equals, Operator::NotEquals, Operator::In, Operator::NotIn];
                if names.contains(&test.operator)
                    && let Ok(against) = test.against.resolve(scope)
                {
                    let values = match against {
                        Value::Array(values) => values,
                        value => vec![value],
                    };
                    for value in values.iter().map(|value| text_of(value).into_owned()) {
                        if !named.contains(&value) && named.len() < VALUES_MAX {
                            named.push(value);
                        }
                    }
                }
                true
            }
            Subject::Count(count) => matches!(&count.over, Over::Field(name) if is(name)),
            _ => false,
        },
    }
}

fn same(one: &Field, other: &Field) -> bool {
    match (&one.kind, &other.kind) {
        (FieldKind::Tag(one), FieldKind::Tag(other)) => one.eq_ignore_ascii_case(other),
        _ => one.text.eq_ignore_ascii_case(&other.text),
    }
}
