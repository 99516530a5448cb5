//! Whether a condition holds, and the details that say why.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::{Condition, Count, Name, Operator, Over, Subject, Test};
use crate::expression::{Binding, ExpressionError, Scope};
use crate::field::{Field, FieldKind, Found};
use crate::value::text_of;

/// Most comparisons that are told of one evaluation.
const DETAILS_MAX: usize = 100;
/// Longest value in a detail, in characters.
const VALUE_MAX: usize = 512;

/// One comparison that was made: Azure's `evaluatedExpressions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// The field's name, the expression, or what is counted.
    pub expression: String,
    /// `Field`, `Value` or `Count`.
    pub kind: &'static str,
    /// Where in the resource the value was found; empty for values.
    pub path: String,
    /// What was found; `null` when absent.
    pub value: Value,
    /// What it was compared with.
    pub target: Value,
    pub operator: Operator,
    pub result: bool,
}

impl Detail {
    /// As in `policyEvaluationDetails.evaluatedExpressions` and in the error of a denied request.
    pub fn to_json(&self) -> Value {
        let mut out = json!({
            "result": if self.result { "True" } else { "False" },
            "expressionKind": self.kind,
            "expression": self.expression,
        });
        if !self.path.is_empty() {
            out["path"] = self.path.as_str().into();
        }
        out["expressionValue"] = self.value.clone();
        out["targetValue"] = self.target.clone();
        out["operator"] = self.operator.as_str().into();
        out
    }
}

/// The comparisons of one evaluation, in order, at most a hundred.
#[derive(Debug, Default)]
pub struct Details(RefCell<Vec<Detail>>);

impl Details {
    /// The comparisons that were made.
    pub fn into_vec(self) -> Vec<Detail> {
        self.0.into_inner()
    }

    fn push(&self, make: impl FnOnce() -> Detail) {
        let mut details = self.0.borrow_mut();
        if details.len() < DETAILS_MAX {
            details.push(make());
        }
    }
}

/// How much of the target an evaluation may see, and who is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Looking<'a> {
    Fully,
    /// Every comparison is kept.
    Told(&'a Details),
    /// Type, kind and name only: Azure's applicability.
    AtIdentity,
    /// The type only: which policies can be about resources of a type.
    AtType,
}

impl Looking<'_> {
    fn sees(self, field: &Field) -> bool {
        match self {
            Self::Fully | Self::Told(_) => true,
            Self::AtIdentity => field.is_of_id() || field.text.eq_ignore_ascii_case("kind"),
            Self::AtType => matches!(field.kind, FieldKind::Type),
        }
    }

    fn sees_all(self) -> bool {
        matches!(self, Self::Fully | Self::Told(_))
    }
}

impl Condition {
    /// Whether the condition holds for the scope's target.
    ///
    /// # Errors
    /// When an expression in it has no value.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        Ok(self.evaluate(scope, Looking::Fully)? == Some(true))
    }

    /// As [`Condition::holds`]; the comparisons are kept in `details`.
    ///
    /// # Errors
    /// When an expression in it has no value.
    pub fn explain(&self, scope: &Scope<'_>, details: &Details) -> Result<bool, ExpressionError> {
        Ok(self.evaluate(scope, Looking::Told(details))? == Some(true))
    }

    /// Whether the condition could hold for some resource of the target's type, kind and name.
    ///
    /// # Errors
    /// When an expression in it has no value.
    pub fn applies(&self, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        Ok(self.evaluate(scope, Looking::AtIdentity)? != Some(false))
    }

    pub(crate) fn evaluate(
        &self,
        scope: &Scope<'_>,
        looking: Looking<'_>,
    ) -> Result<Option<bool>, ExpressionError> {
        match self {
            Self::All(conditions) => combine(conditions, scope, looking, false),
            Self::Any(conditions) => combine(conditions, scope, looking, true),
            Self::Not(condition) => Ok(condition.evaluate(scope, looking)?.map(|held| !held)),
            Self::Test(test) => test.evaluate(scope, looking),
        }
    }
}

/// `anyOf` for `decides` true, `allOf` for false: one member with that value settles it, an unknown one leaves it open.
fn combine(
    conditions: &[Condition],
    scope: &Scope<'_>,
    looking: Looking<'_>,
    decides: bool,
) -> Result<Option<bool>, ExpressionError> {
    let mut unknown = false;
    for condition in conditions {
        match condition.evaluate(scope, looking)? {
            Some(held) if held == decides => return Ok(Some(decides)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(!decides) })
}

impl Test {
    fn evaluate(&self, scope: &Scope<'_>, looking: Looking<'_>) -> Result<Option<bool>, ExpressionError> {
        scope.steps.take(1)?;
        let resolved;
        let against = match self.against.as_constant() {
            Some(constant) => constant,
            None if !looking.sees_all() => return Ok(None),
            None => {
                resolved = self.against.resolve(scope)?;
                &resolved
            }
        };
        match &self.subject {
            Subject::Field(name) => {
                let computed;
                let field = match name {
                    Name::Known(field) => field,
                    Name::Computed(_) if !looking.sees_all() => return Ok(None),
                    Name::Computed(template) => {
                        computed = Field::parse(&template.resolve_text(scope)?)?;
                        &computed
                    }
                };
                if !looking.sees(field) {
                    return Ok(None);
                }
                let found = scope.read(field);
                scope.steps.take(size(&found))?;
                let held = self.holds(&found, against);
                self.tell(looking, held, against, || {
                    (field.text.clone(), "Field", field.text.clone(), found.into_value())
                });
                Ok(Some(held))
            }
            // An expression may read any field, so nothing is known about it before all may be seen.
            _ if !looking.sees_all() => Ok(None),
            Subject::Value(template, text) => {
                let value = template.resolve(scope)?;
                let held = self.operator.holds(Some(&value), against);
                self.tell(looking, held, against, || (text.clone(), "Value", String::new(), value));
                Ok(Some(held))
            }
            Subject::Count(count) => {
                let counted = Value::from(count.run(scope)?);
                let held = self.operator.holds(Some(&counted), against);
                self.tell(looking, held, against, || (count.text(), "Count", String::new(), counted));
                Ok(Some(held))
            }
        }
    }

    fn holds(&self, found: &Found<'_>, against: &Value) -> bool {
        match found {
            // Azure: a condition on `[*]` holds when every member satisfies it, and for an empty array.
            Found::Many(values) => values.iter().all(|value| self.operator.holds(*value, against)),
            Found::One(value) => self.operator.holds(Some(value), against),
            Found::Absent => self.operator.holds(None, against),
        }
    }

    fn tell(
        &self,
        looking: Looking<'_>,
        result: bool,
        against: &Value,
        what: impl FnOnce() -> (String, &'static str, String, Value),
    ) {
        let Looking::Told(details) = looking else { return };
        details.push(|| {
            let (expression, kind, path, value) = what();
            let (value, target) = (short(value), short(against.clone()));
            Detail { expression, kind, path, value, target, operator: self.operator, result }
        });
    }
}

impl Count {
    fn run(&self, scope: &Scope<'_>) -> Result<usize, ExpressionError> {
        let computed;
        let resolved;
        let (members, name, field): (Vec<&Value>, &str, Option<&Field>) = match &self.over {
            Over::Field(name) => {
                let field = match name {
                    Name::Known(field) => field,
                    Name::Computed(template) => {
                        computed = Field::parse(&template.resolve_text(scope)?)?;
                        &computed
                    }
                };
                let members = match scope.read(field) {
                    Found::Many(members) => members.into_iter().flatten().collect(),
                    _ => Vec::new(),
                };
                (members, field.text.as_str(), Some(field))
            }
            Over::Values { values, name } => {
                resolved = values.resolve(scope)?;
                let members = resolved.as_array().ok_or_else(|| ExpressionError::Value {
                    function: "count",
                    reason: "its `value` must give an array".to_owned(),
                })?;
                (members.iter().collect(), name.as_str(), None)
            }
        };
        scope.steps.take(members.len() as u64)?;
        let Some(filter) = &self.filter else { return Ok(members.len()) };
        let mut counted = 0;
        for value in members {
            let binding = Binding { name, field, value, outer: scope.binding };
            let inner = Scope { binding: Some(&binding), ..*scope };
            counted += usize::from(filter.evaluate(&inner, Looking::Fully)? == Some(true));
        }
        Ok(counted)
    }

    fn text(&self) -> String {
        match &self.over {
            Over::Field(Name::Known(field)) => format!("count({})", field.text),
            Over::Field(Name::Computed(_)) => "count(field)".to_owned(),
            Over::Values { name, .. } if name.is_empty() => "count(value)".to_owned(),
            Over::Values { name, .. } => format!("count({name})"),
        }
    }
}

fn size(found: &Found<'_>) -> u64 {
    match found {
        Found::Many(values) => values.len() as u64,
        _ => 0,
    }
}

/// A detail is for people: long values are cut.
fn short(value: Value) -> Value {
    let text = match &value {
        Value::Array(_) | Value::Object(_) | Value::String(_) => text_of(&value),
        _ => return value,
    };
    if text.len() <= VALUE_MAX {
        return value.clone();
    }
    let cut: String = text.chars().take(VALUE_MAX).collect();
    format!("{cut}…").into()
}
