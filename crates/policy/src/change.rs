//! `modify` and `append`: changes to a resource while it is being written, or when it is remediated.

use serde_json::{Map, Value};

use crate::expression::{ExpressionError, Scope, Template};
use crate::field::{Field, FieldError, FieldKind, Path, Step};
use crate::value::{get, same, text_of};

/// Most operations of one policy.
const OPERATIONS_MAX: usize = 100;

/// Why `details` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("`{0}` must be a list of at most {OPERATIONS_MAX} operations, and not empty")]
    List(String),
    #[error("`{0}` has no text `field`")]
    NoField(String),
    #[error("`{0}` has no `value`")]
    NoValue(String),
    #[error("`{place}` is `{given}`; it must be one of add, addOrReplace, remove")]
    Operation { place: String, given: String },
    #[error("`{place}` is `{given}`; it must be one of audit, deny, disabled")]
    Conflict { place: String, given: String },
    #[error(
        "`{place}`: field `{field}` cannot be changed; a policy changes tags, location, identity and aliases"
    )]
    Fixed { place: String, field: String },
    #[error("`{place}`: only tags can be removed, not `{field}`")]
    NotATag { place: String, field: String },
    #[error("`{place}`: {source}")]
    Field { place: String, source: FieldError },
    #[error("`{place}`: {source}")]
    Expression { place: String, source: ExpressionError },
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets what is absent; for `[*]` adds a member to the array.
    Add,
    AddOrReplace,
    Remove,
    /// `append`: as [`Action::Add`], and refuses a write that has another value.
    Append,
}

/// Who gives way when two policies change the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictEffect {
    /// This policy steps back.
    Audit,
    /// This policy wins; two that would win deny the write.
    Deny,
    /// This policy does nothing in a conflict, and does not say so.
    Disabled,
}

/// One operation of a `modify` or `append`.
#[derive(Clone, Debug)]
pub struct Operation {
    pub action: Action,
    pub field: Field,
    value: Template,
    condition: Option<Template>,
}

/// What an operation does to one resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) action: Action,
    pub(crate) path: Path,
    pub(crate) value: Value,
    /// The field, for people.
    pub(crate) field: String,
}

/// An append met another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

impl ConflictEffect {
    /// By its name in a rule, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "deny" => Some(Self::Deny),
            "audit" => Some(Self::Audit),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// Reads `details` of a `modify`: operations and the conflict effect, which may be a parameter.
pub(crate) fn modify(
    details: &Map<String, Value>,
    place: &str,
) -> Result<(Vec<Operation>, Template), ChangeError> {
    let conflict = get(details, "conflictEffect").cloned().unwrap_or_else(|| "deny".into());
    let wrong = |given: &Value| ChangeError::Conflict {
        place: format!("{place}/conflictEffect"),
        given: text_of(given).chars().take(40).collect(),
    };
    let conflict = Template::parse(&conflict).map_err(|_| wrong(&conflict))?;
    if let Some(given) = conflict.as_constant().filter(|text| ConflictEffect::parse(&text_of(text)).is_none())
    {
        return Err(wrong(given));
    }
    let place = format!("{place}/operations");
    let operations = list(get(details, "operations"), &place, |operation, place| {
        let given = get(operation, "operation").map(text_of).unwrap_or_default();
        let action = match given.to_ascii_lowercase().as_str() {
            "add" => Action::Add,
            "addorreplace" => Action::AddOrReplace,
            "remove" => Action::Remove,
            _ => {
                return Err(ChangeError::Operation {
                    place: format!("{place}/operation"),
                    given: given.chars().take(40).collect(),
                });
            }
        };
        Operation::parse(action, operation, place)
    })?;
    Ok((operations, conflict))
}

/// Reads `details` of an `append`.
pub(crate) fn append(details: &Value, place: &str) -> Result<Vec<Operation>, ChangeError> {
    list(Some(details), place, |operation, place| Operation::parse(Action::Append, operation, place))
}

fn list(
    value: Option<&Value>,
    place: &str,
    read: impl Fn(&Map<String, Value>, &str) -> Result<Operation, ChangeError>,
) -> Result<Vec<Operation>, ChangeError> {
    let items = value.and_then(Value::as_array).filter(|items| (1..=OPERATIONS_MAX).contains(&items.len()));
    let items = items.ok_or_else(|| ChangeError::List(place.to_owned()))?;
    let operations = items.iter().enumerate().map(|(at, item)| {
        let place = format!("{place}/{at}");
        read(item.as_object().ok_or_else(|| ChangeError::NoField(place.clone()))?, &place)
    });
    operations.collect()
}

impl Operation {
    fn parse(action: Action, operation: &Map<String, Value>, place: &str) -> Result<Self, ChangeError> {
        let text = get(operation, "field").and_then(Value::as_str);
        let text = text.ok_or_else(|| ChangeError::NoField(place.to_owned()))?;
        let template = |value: &Value, member: &str| {
            Template::parse(value)
                .map_err(|source| ChangeError::Expression { place: format!("{place}/{member}"), source })
        };
        let place_of_field = || format!("{place}/field");
        // `[concat('tags[', parameters('tagName'), ']')]` is a field too: it is read when it is applied.
        let field = match text.starts_with('[') {
            true => Field { text: text.to_owned(), kind: FieldKind::Member(Path::default()) },
            false => {
                Field::parse(text).map_err(|source| ChangeError::Field { place: place_of_field(), source })?
            }
        };
        if text.starts_with('[') {
            template(&text.into(), "field")?;
        } else {
            changeable(&field)
                .ok_or_else(|| ChangeError::Fixed { place: place_of_field(), field: field.text.clone() })?;
            let is_tag = matches!(field.kind, FieldKind::Tag(_)) || field.text.eq_ignore_ascii_case("tags");
            if action == Action::Remove && !is_tag {
                return Err(ChangeError::NotATag { place: place_of_field(), field: field.text });
            }
        }
        let value = match get(operation, "value") {
            Some(value) => template(value, "value")?,
            None if action == Action::Remove => Template::constant(Value::Null),
            None => return Err(ChangeError::NoValue(place.to_owned())),
        };
        let condition = get(operation, "condition").map(|value| template(value, "condition")).transpose()?;
        Ok(Self { action, field, value, condition })
    }

    #[must_use]
    pub(crate) fn bind(&self, parameters: &Map<String, Value>) -> Self {
        let mut field = self.field.clone();
        if field.text.starts_with('[')
            && let Ok(template) = Template::parse(&field.text.as_str().into())
            && let Some(text) = template.bind(parameters).as_constant().and_then(Value::as_str)
            && let Ok(known) = Field::parse(text)
        {
            field = known;
        }
        Self {
            action: self.action,
            field,
            value: self.value.bind(parameters),
            condition: self.condition.as_ref().map(|condition| condition.bind(parameters)),
        }
    }

    /// What it does to the scope's target; `None` when its condition does not hold, or the field is of another type.
    pub(crate) fn plan(&self, scope: &Scope<'_>) -> Result<Option<Planned>, ExpressionError> {
        if let Some(condition) = &self.condition
            && !text_of(&condition.resolve(scope)?).eq_ignore_ascii_case("true")
        {
            return Ok(None);
        }
        let computed;
        let field = if self.field.text.starts_with('[') {
            let text = Template::parse(&self.field.text.as_str().into())?.resolve_text(scope)?;
            computed = Field::parse(&text)?;
            &computed
        } else {
            &self.field
        };
        if let FieldKind::Alias { resource_type, .. } = &field.kind
            && !scope.target.is(resource_type)
        {
            return Ok(None);
        }
        let path = changeable(field).ok_or_else(|| ExpressionError::Value {
            function: "field",
            reason: format!("`{}` cannot be changed by a policy", field.text),
        })?;
        let value = self.value.resolve(scope)?;
        Ok(Some(Planned { action: self.action, path, value, field: field.text.clone() }))
    }
}

/// Where in the body a field lies that may be changed.
pub(crate) fn changeable(field: &Field) -> Option<Path> {
    let step = |name: &str| Step { name: name.to_owned(), stars: 0 };
    match &field.kind {
        FieldKind::Tag(tag) => Some(Path(vec![step("tags"), step(tag)])),
        FieldKind::Member(path) => {
            let first = path.0.first()?.name.to_ascii_lowercase();
            ["tags", "location", "identity"].contains(&first.as_str()).then(|| path.clone())
        }
        FieldKind::Alias { resource_type, path } => {
            if let Some(path) = crate::alias::exception(resource_type, path) {
                return Some(path.clone());
            }
            // What stands beside the properties in every resource that has it.
            let first = path.0.first()?.name.to_ascii_lowercase();
            if ["identity", "sku", "zones", "plan"].contains(&first.as_str()) {
                return Some(path.clone());
            }
            let steps = std::iter::once(step("properties")).chain(path.0.iter().cloned());
            Some(Path(steps.collect()))
        }
        _ => None,
    }
}

impl Planned {
    /// Changes `body`; says whether it did.
    pub(crate) fn apply(&self, body: &mut Value) -> Result<bool, Refused> {
        let before = body.clone();
        let refused = apply_at(body, &self.path.0, self);
        if refused {
            *body = before;
            return Err(Refused(self.field.clone()));
        }
        Ok(*body != before)
    }
}

/// Walks to the place and changes it; true when an append met another value.
fn apply_at(value: &mut Value, steps: &[Step], change: &Planned) -> bool {
    let Some((step, rest)) = steps.split_first() else { return false };
    if change.action == Action::Remove {
        let Some(members) = value.as_object_mut() else { return false };
        let Some(key) = key_of(members, &step.name) else { return false };
        if rest.is_empty() {
            members.shift_remove(&key);
        } else if let Some(inner) = members.get_mut(&key) {
            return apply_at(inner, rest, change);
        }
        return false;
    }
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    // A text where an object is expected is not the policy's to mend; the type's own rules refuse it.
    let Some(members) = value.as_object_mut() else { return false };
    let key = key_of(members, &step.name).unwrap_or_else(|| step.name.clone());
    let is_last = rest.is_empty();
    if step.stars > 0 {
        let entry = members.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        let Some(items) = entry.as_array_mut() else { return false };
        if !is_last {
            return items.iter_mut().any(|item| apply_at(item, rest, change));
        }
        if change.action == Action::AddOrReplace {
            items.iter_mut().for_each(|item| *item = change.value.clone());
        } else if !items.iter().any(|item| same(item, &change.value)) {
            items.push(change.value.clone());
        }
        return false;
    }
    if !is_last {
        return apply_at(members.entry(key).or_insert(Value::Null), rest, change);
    }
    match (members.get(&key).filter(|value| !value.is_null()), change.action) {
        (None, _) | (Some(_), Action::AddOrReplace) => {
            members.insert(key, change.value.clone());
        }
        (Some(found), Action::Append) if !same(found, &change.value) => {
            // A whole array is replaced, as documented; any other value that differs is refused.
            if !(found.is_array() && change.value.is_array()) {
                return true;
            }
            members.insert(key, change.value.clone());
        }
        _ => {}
    }
    false
}

fn key_of(members: &Map<String, Value>, name: &str) -> Option<String> {
    if members.contains_key(name) {
        return Some(name.to_owned());
    }
    members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}
