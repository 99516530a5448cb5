//! JSON → condition.

use serde_json::{Map, Value};

use super::operator::OPERATORS;
use super::{
    CONDITIONS_MAX, Condition, ConditionError, Count, DEPTH_MAX, Name, Operator, Over, Subject, Test,
};
use crate::expression::Template;
use crate::field::Field;
use crate::value::get;

/// What a condition may be about.
const SUBJECTS: [&str; 6] = ["allOf", "anyOf", "not", "field", "value", "count"];

pub(super) fn condition(value: &Value) -> Result<Condition, ConditionError> {
    Parser { conditions: 0 }.condition(value, "", 0)
}

struct Parser {
    conditions: usize,
}

impl Parser {
    fn condition(&mut self, value: &Value, place: &str, depth: usize) -> Result<Condition, ConditionError> {
        if depth > DEPTH_MAX {
            return Err(ConditionError::TooDeep);
        }
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(ConditionError::TooMany);
        }
        let object = value.as_object().ok_or_else(|| ConditionError::NotAnObject(place.to_owned()))?;
        let mut subjects = SUBJECTS.into_iter().filter(|name| get(object, name).is_some());
        let subject = subjects.next().ok_or_else(|| ConditionError::NoSubject(place.to_owned()))?;
        if let Some(second) = subjects.next() {
            return Err(ConditionError::TwoSubjects { place: place.to_owned(), first: subject, second });
        }
        let inner = get(object, subject).unwrap_or(&Value::Null);
        let place_of = format!("{place}/{subject}");
        Ok(match subject {
            "allOf" => Condition::All(self.list(inner, &place_of, depth)?),
            "anyOf" => Condition::Any(self.list(inner, &place_of, depth)?),
            "not" => Condition::Not(Box::new(self.condition(inner, &place_of, depth + 1)?)),
            _ => {
                let subject = match subject {
                    "field" => Subject::Field(name(inner, &place_of)?),
                    "value" => Subject::Value(template(inner, &place_of)?, text_for_people(inner)),
                    _ => Subject::Count(Box::new(self.count(inner, &place_of, depth)?)),
                };
                let (operator, against) = operator(object, place)?;
                Condition::Test(Box::new(Test { subject, operator, against }))
            }
        })
    }

    fn list(&mut self, value: &Value, place: &str, depth: usize) -> Result<Vec<Condition>, ConditionError> {
        let items = value.as_array().ok_or_else(|| ConditionError::NotAList(place.to_owned()))?;
        items
            .iter()
            .enumerate()
            .map(|(at, item)| self.condition(item, &format!("{place}/{at}"), depth + 1))
            .collect()
    }

    fn count(&mut self, value: &Value, place: &str, depth: usize) -> Result<Count, ConditionError> {
        let object = value.as_object().ok_or_else(|| ConditionError::NotAnObject(place.to_owned()))?;
        let over = match (get(object, "field"), get(object, "value")) {
            (Some(field), None) => {
                let at = format!("{place}/field");
                let name = name(field, &at)?;
                if matches!(&name, Name::Known(field) if !field.text.ends_with("[*]")) {
                    return Err(ConditionError::CountsNoArray(at));
                }
                Over::Field(name)
            }
            (None, Some(values)) => Over::Values {
                values: template(values, &format!("{place}/value"))?,
                name: match get(object, "name") {
                    None => String::new(),
                    Some(Value::String(name)) => name.clone(),
                    Some(_) => return Err(ConditionError::NotAText(format!("{place}/name"))),
                },
            },
            _ => return Err(ConditionError::CountsNothing(place.to_owned())),
        };
        let filter = get(object, "where")
            .map(|filter| self.condition(filter, &format!("{place}/where"), depth + 1))
            .transpose()?;
        Ok(Count { over, filter })
    }
}

fn operator(object: &Map<String, Value>, place: &str) -> Result<(Operator, Template), ConditionError> {
    let mut found =
        OPERATORS.iter().filter_map(|(name, operator)| Some((*name, *operator, get(object, name)?)));
    let Some((name, operator, against)) = found.next() else {
        let members: Vec<String> = object.keys().take(8).map(|key| format!("`{key}`")).collect();
        return Err(ConditionError::NoOperator { place: place.to_owned(), members: members.join(", ") });
    };
    if let Some((second, ..)) = found.next() {
        return Err(ConditionError::TwoOperators { place: place.to_owned(), first: name, second });
    }
    let place = format!("{place}/{name}");
    let wanted = match (operator, against) {
        (_, Value::String(text)) if text.starts_with('[') => None,
        (Operator::In | Operator::NotIn, Value::Array(_)) => None,
        (Operator::In | Operator::NotIn, _) => Some("a list, or an expression that gives one"),
        (Operator::Exists, Value::Bool(_)) => None,
        (Operator::Exists, Value::String(text))
            if ["true", "false"].contains(&&*text.to_ascii_lowercase()) =>
        {
            None
        }
        (Operator::Exists, _) => Some("`true` or `false`"),
        (Operator::Equals | Operator::NotEquals | Operator::Contains | Operator::NotContains, _) => None,
        (_, Value::Array(_) | Value::Object(_) | Value::Null) => Some("a text or a number"),
        _ => None,
    };
    if let Some(wanted) = wanted {
        return Err(ConditionError::Operand { place, wanted });
    }
    Ok((operator, template(against, &place)?))
}

fn name(value: &Value, place: &str) -> Result<Name, ConditionError> {
    let text = value.as_str().ok_or_else(|| ConditionError::NotAText(place.to_owned()))?;
    let template = template(value, place)?;
    match template.as_constant() {
        Some(constant) => {
            let text = constant.as_str().unwrap_or(text);
            Field::parse(text)
                .map(Name::Known)
                .map_err(|source| ConditionError::Field { place: place.to_owned(), source })
        }
        None => Ok(Name::Computed(template)),
    }
}

fn template(value: &Value, place: &str) -> Result<Template, ConditionError> {
    Template::parse(value).map_err(|source| ConditionError::Expression { place: place.to_owned(), source })
}

fn text_for_people(value: &Value) -> String {
    crate::value::text_of(value).chars().take(200).collect()
}
