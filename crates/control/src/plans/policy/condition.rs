//! The `if` and `existenceCondition` language of Azure Policy.
//!
//! Conditions are parsed once, with a bound on depth and size, and evaluated many times. Evaluation knows a
//! third answer, "unknown", for one purpose: to ask whether a policy is *about* a resource at all, by
//! treating every field other than type, kind and name as unknown (Azure calls this applicability).

use serde_json::{Map, Value};

use super::field::{self, Found};
use super::template::{self, Scope, TemplateError};

/// Deepest nesting of `allOf`, `anyOf`, `not` and `count`.
const DEPTH_MAX: usize = 32;
/// Most conditions in one rule. The largest built-in definition has about 500.
const CONDITIONS_MAX: usize = 4_096;

/// Why a rule cannot be read or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("condition at `{0}` is not an object")]
    NotAnObject(String),
    #[error("condition at `{0}` has none of `allOf`, `anyOf`, `not`, `field`, `value`, `count`")]
    NoSubject(String),
    #[error("condition at `{0}` has no known operator")]
    NoOperator(String),
    #[error("condition at `{0}` must be a list")]
    NotAList(String),
    #[error("conditions nest deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("rule has more than {CONDITIONS_MAX} conditions")]
    TooMany,
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// A parsed condition.
#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test { subject: Subject, operator: Operator, against: Value },
}

/// What a test looks at.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A field name or alias; may itself be an expression.
    Field(String),
    /// An expression.
    Value(Value),
    /// How many members of an array field satisfy a condition.
    Count { field: String, filter: Option<Box<Condition>> },
}

/// How a test compares. Negative forms hold when the positive form does not, and so for absent fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Match,
    NotMatch,
    MatchInsensitively,
    NotMatchInsensitively,
    Contains,
    NotContains,
    In,
    NotIn,
    ContainsKey,
    NotContainsKey,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    Exists,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("equals", Operator::Equals),
    ("notEquals", Operator::NotEquals),
    ("like", Operator::Like),
    ("notLike", Operator::NotLike),
    ("match", Operator::Match),
    ("notMatch", Operator::NotMatch),
    ("matchInsensitively", Operator::MatchInsensitively),
    ("notMatchInsensitively", Operator::NotMatchInsensitively),
    ("contains", Operator::Contains),
    ("notContains", Operator::NotContains),
    ("in", Operator::In),
    ("notIn", Operator::NotIn),
    ("containsKey", Operator::ContainsKey),
    ("notContainsKey", Operator::NotContainsKey),
    ("less", Operator::Less),
    ("lessOrEquals", Operator::LessOrEquals),
    ("greater", Operator::Greater),
    ("greaterOrEquals", Operator::GreaterOrEquals),
    ("exists", Operator::Exists),
];

impl Condition {
    /// Parses a rule's `if` or a details' `existenceCondition`.
    ///
    /// # Errors
    /// See [`ConditionError`]; the path in it leads to the wrong place.
    pub fn parse(value: &Value) -> Result<Self, ConditionError> {
        let mut count = 0;
        parse_at(value, "", 0, &mut count)
    }

    /// Whether the condition holds for the scope's target.
    ///
    /// # Errors
    /// When an expression in it has no value.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, ConditionError> {
        Ok(self.evaluate(scope, &Looking::Fully)? == Some(true))
    }

    /// Whether the condition could hold for some resource of the target's type, kind and name.
    ///
    /// # Errors
    /// When an expression in it has no value.
    pub fn applies(&self, scope: &Scope<'_>) -> Result<bool, ConditionError> {
        Ok(self.evaluate(scope, &Looking::AtTypeOnly)? != Some(false))
    }

    fn evaluate(&self, scope: &Scope<'_>, looking: &Looking<'_>) -> Result<Option<bool>, ConditionError> {
        match self {
            Self::All(conditions) => combine(conditions, scope, looking, false),
            Self::Any(conditions) => combine(conditions, scope, looking, true),
            Self::Not(condition) => Ok(condition.evaluate(scope, looking)?.map(|held| !held)),
            Self::Test { subject, operator, against } => test(subject, *operator, against, scope, looking),
        }
    }
}

/// How much of the target an evaluation may see.
enum Looking<'a> {
    Fully,
    AtTypeOnly,
    /// Inside `count … where`: the array's path and its current member.
    AtMember {
        path: &'a str,
        member: &'a Value,
    },
}

/// `anyOf` for `decides` true, `allOf` for false: one member with that value settles it, an unknown one
/// leaves it open.
fn combine(
    conditions: &[Condition],
    scope: &Scope<'_>,
    looking: &Looking<'_>,
    decides: bool,
) -> Result<Option<bool>, ConditionError> {
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

fn test(
    subject: &Subject,
    operator: Operator,
    against: &Value,
    scope: &Scope<'_>,
    looking: &Looking<'_>,
) -> Result<Option<bool>, ConditionError> {
    let against = template::resolve(against, scope)?;
    let found = match subject {
        Subject::Field(field) => {
            let field = field::text_of(&template::resolve_text(field, scope)?);
            match looking {
                Looking::AtTypeOnly if !names_identity(&field) => return Ok(None),
                Looking::AtMember { path, member } if below(path, &field).is_some() => {
                    match below(path, &field).unwrap_or_default() {
                        "" => Found::One((*member).clone()),
                        rest => field::walk(member, rest),
                    }
                }
                _ => field::read(scope.target, &field),
            }
        }
        Subject::Value(value) => match looking {
            // An expression may read any field, so nothing is known about it here.
            Looking::AtTypeOnly => return Ok(None),
            _ => Found::One(template::resolve(value, scope)?),
        },
        Subject::Count { field, filter } => {
            if matches!(looking, Looking::AtTypeOnly) {
                return Ok(None);
            }
            Found::One(count(field, filter.as_deref(), scope)?.into())
        }
    };
    Ok(Some(match found {
        // Azure: a condition on `[*]` holds when every member satisfies it, and for an empty array.
        Found::Many(values) => values.iter().all(|value| compare(Some(value), operator, &against)),
        Found::One(value) => compare(Some(&value), operator, &against),
        Found::Absent => compare(None, operator, &against),
    }))
}

fn count(field: &str, filter: Option<&Condition>, scope: &Scope<'_>) -> Result<usize, ConditionError> {
    let members = match field::read(scope.target, field) {
        Found::Many(members) => members,
        _ => Vec::new(),
    };
    let Some(filter) = filter else { return Ok(members.len()) };
    let mut counted = 0;
    for member in &members {
        let looking = Looking::AtMember { path: field, member };
        counted += usize::from(filter.evaluate(scope, &looking)? == Some(true));
    }
    Ok(counted)
}

/// The part of `field` below the counted array `path`, when it lies there.
fn below<'f>(path: &str, field: &'f str) -> Option<&'f str> {
    let head = field.get(..path.len())?;
    if !head.eq_ignore_ascii_case(path) {
        return None;
    }
    match &field[path.len()..] {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    }
}

fn names_identity(field: &str) -> bool {
    ["type", "kind", "name", "fullName"].iter().any(|name| name.eq_ignore_ascii_case(field))
}

fn compare(value: Option<&Value>, operator: Operator, against: &Value) -> bool {
    let value = value.filter(|value| !value.is_null());
    match operator {
        Operator::Equals => value.is_some_and(|value| same(value, against)),
        Operator::Like => texts(value, against, like),
        Operator::Match => texts(value, against, |text, pattern| matches_pattern(text, pattern, false)),
        Operator::MatchInsensitively => {
            texts(value, against, |text, pattern| matches_pattern(text, pattern, true))
        }
        Operator::Contains => value.is_some_and(|value| contains(value, against)),
        Operator::In => value.is_some_and(|value| {
            against.as_array().is_some_and(|allowed| allowed.iter().any(|item| same(value, item)))
        }),
        Operator::ContainsKey => {
            value.is_some_and(|value| field::member(value, &field::text_of(against)).is_some())
        }
        Operator::NotEquals => !compare(value, Operator::Equals, against),
        Operator::NotLike => !compare(value, Operator::Like, against),
        Operator::NotMatch => !compare(value, Operator::Match, against),
        Operator::NotMatchInsensitively => !compare(value, Operator::MatchInsensitively, against),
        Operator::NotContains => !compare(value, Operator::Contains, against),
        Operator::NotIn => !compare(value, Operator::In, against),
        Operator::NotContainsKey => !compare(value, Operator::ContainsKey, against),
        Operator::Less => ordered(value, against, std::cmp::Ordering::is_lt),
        Operator::LessOrEquals => ordered(value, against, std::cmp::Ordering::is_le),
        Operator::Greater => ordered(value, against, std::cmp::Ordering::is_gt),
        Operator::GreaterOrEquals => ordered(value, against, std::cmp::Ordering::is_ge),
        Operator::Exists => value.is_some() == field::text_of(against).eq_ignore_ascii_case("true"),
    }
}

fn same(value: &Value, other: &Value) -> bool {
    match (value, other) {
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => value == other,
        // Scalars compare as text: policies write `"equals": "true"` for booleans and `"3"` for numbers.
        _ => field::text_of(value).to_lowercase() == field::text_of(other).to_lowercase(),
    }
}

fn texts(value: Option<&Value>, pattern: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
    value.is_some_and(|value| test(&field::text_of(value), &field::text_of(pattern)))
}

fn contains(value: &Value, item: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|member| same(member, item)),
        other => field::text_of(other).to_lowercase().contains(&field::text_of(item).to_lowercase()),
    }
}

fn ordered(value: Option<&Value>, against: &Value, test: impl Fn(std::cmp::Ordering) -> bool) -> bool {
    let Some(value) = value else { return false };
    let (left, right) = (field::text_of(value), field::text_of(against));
    let ordering = match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(left.to_lowercase().cmp(&right.to_lowercase())),
    };
    ordering.is_some_and(test)
}

/// `*` stands for any run of characters; case does not matter. Linear: greedy with one point to fall back to.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.to_lowercase().chars().collect(), pattern.to_lowercase().chars().collect());
    let (mut at, mut star, mut retry) = (0, None, 0);
    let mut p = 0;
    while at < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some(p);
            retry = at;
            p += 1;
        } else if pattern.get(p) == Some(&text[at]) {
            p += 1;
            at += 1;
        } else if let Some(star) = star {
            p = star + 1;
            retry += 1;
            at = retry;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// `#` is a digit, `?` a letter, `.` any character, everything else itself.
fn matches_pattern(text: &str, pattern: &str, fold: bool) -> bool {
    let mut text = text.chars();
    for expected in pattern.chars() {
        let Some(c) = text.next() else { return false };
        let held = match expected {
            '#' => c.is_ascii_digit(),
            '?' => c.is_alphabetic(),
            '.' => true,
            _ if fold => c.to_lowercase().eq(expected.to_lowercase()),
            _ => c == expected,
        };
        if !held {
            return false;
        }
    }
    text.next().is_none()
}

fn parse_at(value: &Value, path: &str, depth: usize, count: &mut usize) -> Result<Condition, ConditionError> {
    if depth > DEPTH_MAX {
        return Err(ConditionError::TooDeep);
    }
    *count += 1;
    if *count > CONDITIONS_MAX {
        return Err(ConditionError::TooMany);
    }
    let object = value.as_object().ok_or_else(|| ConditionError::NotAnObject(path.to_owned()))?;
    if let Some(list) = get(object, "allOf") {
        return Ok(Condition::All(parse_list(list, &format!("{path}/allOf"), depth, count)?));
    }
    if let Some(list) = get(object, "anyOf") {
        return Ok(Condition::Any(parse_list(list, &format!("{path}/anyOf"), depth, count)?));
    }
    if let Some(inner) = get(object, "not") {
        let inner = parse_at(inner, &format!("{path}/not"), depth + 1, count)?;
        return Ok(Condition::Not(Box::new(inner)));
    }
    let subject = parse_subject(object, path, depth, count)?;
    let (operator, against) = OPERATORS
        .iter()
        .find_map(|(name, operator)| Some((*operator, get(object, name)?.clone())))
        .ok_or_else(|| ConditionError::NoOperator(path.to_owned()))?;
    Ok(Condition::Test { subject, operator, against })
}

fn parse_subject(
    object: &Map<String, Value>,
    path: &str,
    depth: usize,
    count: &mut usize,
) -> Result<Subject, ConditionError> {
    let missing = || ConditionError::NoSubject(path.to_owned());
    if let Some(field) = get(object, "field") {
        return Ok(Subject::Field(field.as_str().ok_or_else(missing)?.to_owned()));
    }
    if let Some(value) = get(object, "value") {
        return Ok(Subject::Value(value.clone()));
    }
    let counted = get(object, "count").and_then(Value::as_object).ok_or_else(missing)?;
    let field = get(counted, "field").and_then(Value::as_str).ok_or_else(missing)?.to_owned();
    let filter = get(counted, "where")
        .map(|filter| parse_at(filter, &format!("{path}/count/where"), depth + 1, count))
        .transpose()?
        .map(Box::new);
    Ok(Subject::Count { field, filter })
}

fn parse_list(
    value: &Value,
    path: &str,
    depth: usize,
    count: &mut usize,
) -> Result<Vec<Condition>, ConditionError> {
    let items = value.as_array().ok_or_else(|| ConditionError::NotAList(path.to_owned()))?;
    items
        .iter()
        .enumerate()
        .map(|(at, item)| parse_at(item, &format!("{path}/{at}"), depth + 1, count))
        .collect()
}

fn get<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::target::Target;
    use super::*;
    use bartizan_base::ResourceId;
    use serde_json::json;

    fn target() -> Target {
        Target::new(
            ResourceId::parse(
                "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-01",
            )
            .unwrap(),
            json!({
                "location": "local",
                "tags": {"env": "prod"},
                "properties": {
                    "osType": "linux", "cores": 4, "on": true,
                    "disks": [{"size": 10, "kind": "ssd"}, {"size": 200, "kind": "hdd"}],
                    "names": ["a", "B"],
                },
            }),
        )
    }

    fn check(condition: Value) -> bool {
        let parameters = Map::new();
        let target = target();
        Condition::parse(&condition)
            .unwrap()
            .holds(&Scope { parameters: &parameters, target: &target })
            .unwrap()
    }

    #[test]
    fn operators() {
        let os = "Microsoft.HybridCompute/machines/osType";
        let property = |name: &str| format!("Microsoft.HybridCompute/machines/{name}");
        for (condition, expected) in [
            (json!({"field": "type", "equals": "microsoft.hybridcompute/MACHINES"}), true),
            (json!({"field": os, "equals": "Linux"}), true),
            (json!({"field": os, "notEquals": "linux"}), false),
            (json!({"field": property("none"), "notEquals": "x"}), true),
            (json!({"field": property("none"), "equals": ""}), false),
            (json!({"field": os, "in": ["windows", "LINUX"]}), true),
            (json!({"field": property("none"), "in": [""]}), false),
            (json!({"field": property("none"), "notIn": ["a"]}), true),
            (json!({"field": "name", "like": "WEB-*"}), true),
            (json!({"field": "name", "like": "*0*"}), true),
            (json!({"field": "name", "notLike": "db*"}), true),
            (json!({"field": "name", "match": "web-##"}), true),
            (json!({"field": "name", "match": "WEB-##"}), false),
            (json!({"field": "name", "matchInsensitively": "WEB-##"}), true),
            (json!({"field": "tags.env", "exists": "true"}), true),
            (json!({"field": "tags.owner", "exists": false}), true),
            (json!({"field": "tags", "containsKey": "ENV"}), true),
            (json!({"field": property("cores"), "greaterOrEquals": 4}), true),
            (json!({"field": property("cores"), "less": "10"}), true),
            (json!({"field": property("on"), "equals": "true"}), true),
            (json!({"field": property("names[*]"), "equals": "a"}), false),
            (json!({"field": property("names[*]"), "in": ["A", "b"]}), true),
            (json!({"field": property("nothing[*]"), "equals": "a"}), true),
            (
                json!({"count": {"field": property("disks[*]"), "where": {"field": property("disks[*].size"), "greater": 100}}, "equals": 1}),
                true,
            ),
            (json!({"count": {"field": property("disks[*]")}, "greater": 2}), false),
            (json!({"value": "[toUpper(field('location'))]", "equals": "LOCAL"}), true),
            (json!({"allOf": []}), true),
            (json!({"anyOf": []}), false),
            (
                json!({"not": {"anyOf": [{"field": "kind", "exists": "true"}, {"field": "name", "contains": "db"}]}}),
                true,
            ),
        ] {
            assert_eq!(check(condition.clone()), expected, "{condition}");
        }
    }

    #[test]
    fn applicability_looks_at_the_type_only() {
        let parameters = Map::new();
        let target = target();
        let scope = Scope { parameters: &parameters, target: &target };
        for (rule, expected) in [
            (
                json!({"allOf": [{"field": "type", "equals": "Microsoft.HybridCompute/machines"}, {"field": "tags.env", "equals": "dev"}]}),
                true,
            ),
            (
                json!({"allOf": [{"field": "type", "equals": "Microsoft.Compute/virtualMachines"}, {"field": "tags.env", "equals": "prod"}]}),
                false,
            ),
            (json!({"not": {"field": "tags.env", "exists": true}}), true),
            (json!({"not": {"field": "type", "like": "Microsoft.*"}}), false),
        ] {
            assert_eq!(Condition::parse(&rule).unwrap().applies(&scope).unwrap(), expected, "{rule}");
        }
    }

    #[test]
    fn hostile_rules_are_refused_with_the_place() {
        let mut deep = json!({"field": "type", "equals": "x"});
        for _ in 0..200 {
            deep = json!({"not": deep});
        }
        assert_eq!(Condition::parse(&deep).unwrap_err(), ConditionError::TooDeep);
        let wide = json!({"anyOf": vec![json!({"field": "type", "equals": "x"}); 10_000]});
        assert_eq!(Condition::parse(&wide).unwrap_err(), ConditionError::TooMany);
        for (rule, expected) in [
            (json!([]), ConditionError::NotAnObject(String::new())),
            (json!({"allOf": [{"field": "type"}]}), ConditionError::NoOperator("/allOf/0".to_owned())),
            (json!({"anyOf": {"field": "type"}}), ConditionError::NotAList("/anyOf".to_owned())),
            (json!({"not": {"equals": 1}}), ConditionError::NoSubject("/not".to_owned())),
            (json!({"field": 7, "equals": 1}), ConditionError::NoSubject(String::new())),
        ] {
            assert_eq!(Condition::parse(&rule).unwrap_err(), expected, "{rule}");
        }
        let stars = json!({"field": "name", "like": "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"});
        assert!(!check(stars));
    }
}
