//! Field names and aliases of policy conditions.
//!
//! `type`, `name`, `location`, `tags.env` and so on read the resource itself. An alias such as
//! `Microsoft.HybridCompute/machines/osType` reads `properties.osType` of a resource of just that type, and is
//! absent on any other. `[*]` reads every member of an array. A name is taken apart once, when its policy is read.

use std::borrow::Cow;

use serde_json::Value;

use crate::alias;
use crate::target::Target;
use crate::value::member;

/// Most members that one `[*]` path yields; the rest is ignored. Bounds hostile nested arrays.
const MEMBERS_MAX: usize = 10_000;
/// Longest name of a field, in bytes. Azure's aliases have at most a few hundred.
const LENGTH_MAX: usize = 2_048;

static NULL: Value = Value::Null;

/// Why a text names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("field name is empty")]
    Empty,
    #[error("field name is longer than {LENGTH_MAX} bytes")]
    TooLong,
    #[error("field `{0}` has a bracket that is neither `[*]` nor `['name']`")]
    Bracket(String),
    #[error("field `{0}` is a piece of a path; write it as an alias: `Namespace/type/path`")]
    Step(String),
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'t> {
    Absent,
    One(Cow<'t, Value>),
    /// From a `[*]` path: one entry per member, `None` where the member lacks the rest of the path.
    Many(Vec<Option<&'t Value>>),
}

impl Found<'_> {
    /// As one value: `null` when absent, an array for a `[*]` path.
    pub fn into_value(self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::One(value) => value.into_owned(),
            Self::Many(values) => {
                Value::Array(values.into_iter().map(|value| value.cloned().unwrap_or_default()).collect())
            }
        }
    }
}

/// A field's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As written in the policy.
    pub text: String,
    pub(crate) kind: FieldKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Type,
    Name,
    FullName,
    Id,
    Tag(String),
    /// A member of the body: `location`, `kind`, `identity.type`, `tags`.
    Member(Path),
    /// A path of resources of one type.
    Alias {
        resource_type: String,
        path: Path,
    },
}

/// Steps into a JSON value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// How many `[*]` follow the name: every member of the array, then of the arrays in it.
    pub(crate) stars: usize,
}

impl Field {
    /// Takes a name apart.
    ///
    /// # Errors
    /// See [`FieldError`].
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        if text.len() > LENGTH_MAX {
            return Err(FieldError::TooLong);
        }
        let trimmed = text.trim();
        let kind = match trimmed.to_ascii_lowercase().as_str() {
            "" => return Err(FieldError::Empty),
            "type" => FieldKind::Type,
            "name" => FieldKind::Name,
            "fullname" => FieldKind::FullName,
            "id" => FieldKind::Id,
            _ => match (tag_name(trimmed), last_slash(trimmed)) {
                (Some(tag), _) => FieldKind::Tag(tag.to_owned()),
                (None, None) => FieldKind::Member(Path::parse(trimmed)?),
                (None, Some(slash)) => FieldKind::Alias {
                    resource_type: trimmed[..slash].to_ascii_lowercase(),
                    path: Path::parse(&trimmed[slash + 1..])?,
                },
            },
        };
        Ok(Self { text: trimmed.to_owned(), kind })
    }

    /// Whether the name reads every member of an array.
    pub fn is_array(&self) -> bool {
        self.path().is_some_and(|path| path.0.iter().any(|step| step.stars > 0))
    }

    /// Reads the field of `target`.
    pub fn read<'t>(&self, target: &'t Target) -> Found<'t> {
        let one = |value: &'t Value| Found::One(Cow::Borrowed(value));
        match &self.kind {
            FieldKind::Type => one(&target.names().ty),
            FieldKind::Name => one(&target.names().name),
            FieldKind::FullName => one(&target.names().full_name),
            FieldKind::Id => one(&target.names().id),
            FieldKind::Tag(tag) => {
                target.body.get("tags").and_then(|tags| member(tags, tag)).map_or(Found::Absent, one)
            }
            FieldKind::Member(path) => path.walk(&target.body),
            FieldKind::Alias { resource_type, path } => {
                if !target.is(resource_type) {
                    return Found::Absent;
                }
                if let Some(path) = alias::exception(resource_type, path) {
                    match path.walk(&target.body) {
                        Found::Absent => {}
                        found => return found,
                    }
                }
                let properties = target.body.get("properties").unwrap_or(&NULL);
                match path.walk(properties) {
                    Found::Absent => path.walk(&target.body),
                    // An array that the body has beside its properties, such as `zones`.
                    Found::Many(values) if values.is_empty() => match path.walk(&target.body) {
                        Found::Many(values) => Found::Many(values),
                        _ => Found::Many(Vec::new()),
                    },
                    found => found,
                }
            }
        }
    }

    /// Whether only the resource's id decides it.
    pub(crate) fn is_of_id(&self) -> bool {
        matches!(self.kind, FieldKind::Type | FieldKind::Name | FieldKind::FullName | FieldKind::Id)
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.kind {
            FieldKind::Member(path) | FieldKind::Alias { path, .. } => Some(path),
            _ => None,
        }
    }

    /// What this name reads below one member of the array `of`; `None` when it does not lie in that array.
    pub(crate) fn below(&self, of: &Field) -> Option<Path> {
        match (&self.kind, &of.kind) {
            (FieldKind::Member(path), FieldKind::Member(of)) => path.below(of),
            (
                FieldKind::Alias { resource_type, path },
                FieldKind::Alias { resource_type: of_type, path: of },
            ) if resource_type == of_type => path.below(of),
            _ => None,
        }
    }
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, FieldError> {
        let bracket = || FieldError::Bracket(text.chars().take(120).collect());
        let step = || FieldError::Step(text.chars().take(120).collect());
        let mut steps: Vec<Step> = Vec::new();
        let mut rest = text;
        let mut wants_name = true;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]") {
                match steps.last_mut() {
                    Some(last) => last.stars += 1,
                    None => steps.push(Step { name: String::new(), stars: 1 }),
                }
                rest = after;
                wants_name = false;
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = after.find(']').ok_or_else(bracket)?;
                let quoted = after[..end].strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
                steps.push(Step { name: quoted.ok_or_else(bracket)?.to_owned(), stars: 0 });
                rest = &after[end + 1..];
                wants_name = false;
            } else if let Some(after) = rest.strip_prefix('.') {
                if wants_name {
                    return Err(step());
                }
                rest = after;
                wants_name = true;
            } else {
                if !wants_name {
                    return Err(bracket());
                }
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                steps.push(Step { name: rest[..end].to_owned(), stars: 0 });
                rest = &rest[end..];
                wants_name = false;
            }
        }
        if wants_name { Err(step()) } else { Ok(Self(steps)) }
    }

    /// Reads the path below `value`.
    pub(crate) fn walk<'t>(&self, value: &'t Value) -> Found<'t> {
        if self.0.iter().all(|step| step.stars == 0) {
            let mut current = value;
            for step in &self.0 {
                match member(current, &step.name) {
                    Some(next) => current = next,
                    None => return Found::Absent,
                }
            }
            return Found::One(Cow::Borrowed(current));
        }
        let mut current = vec![Some(value)];
        for step in &self.0 {
            if !step.name.is_empty() {
                // A member of an array that lacks the property still counts as a member, with no value.
                for value in &mut current {
                    *value = value.and_then(|value| member(value, &step.name));
                }
            }
            for _ in 0..step.stars {
                let arrays = current.iter().filter_map(|value| value.and_then(Value::as_array));
                current = arrays.flatten().map(Some).take(MEMBERS_MAX).collect();
            }
        }
        Found::Many(current)
    }

    /// The rest of this path below the array that `of` names.
    fn below(&self, of: &Path) -> Option<Path> {
        let (last, before) = of.0.split_last()?;
        if self.0.len() < of.0.len() || last.stars == 0 {
            return None;
        }
        let same = |mine: &Step, theirs: &Step| mine.name.eq_ignore_ascii_case(&theirs.name);
        let mine = &self.0[before.len()];
        let head =
            self.0.iter().zip(before).all(|(mine, theirs)| same(mine, theirs) && mine.stars == theirs.stars);
        if !head || !same(mine, last) || mine.stars < last.stars {
            return None;
        }
        let mut rest = self.0[of.0.len()..].to_vec();
        if mine.stars > last.stars {
            rest.insert(0, Step { name: String::new(), stars: mine.stars - last.stars });
        }
        Some(Path(rest))
    }
}

/// The slash that ends an alias's type. A slash inside brackets is part of a name.
fn last_slash(text: &str) -> Option<usize> {
    text[..text.find('[').unwrap_or(text.len())].rfind('/')
}

/// The tag that `tags.env`, `tags[env]` or `tags['env']` names.
pub(crate) fn tag_name(field: &str) -> Option<&str> {
    let rest = field.get(..4).filter(|word| word.eq_ignore_ascii_case("tags")).map(|_| &field[4..])?;
    let name = match rest.strip_prefix('.') {
        Some(name) => name,
        None => {
            let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
            inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).unwrap_or(inner)
        }
    };
    (!name.is_empty() && name != "*").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::ResourceId;
    use serde_json::json;

    const TYPE: &str = "Microsoft.HybridCompute/machines/extensions";

    fn extension() -> Target {
        Target::new(
            ResourceId::parse(&format!(
                "/subscriptions/s/resourceGroups/rg/providers/{}/web-1/extensions/MDE.Linux",
                "Microsoft.HybridCompute/machines"
            ))
            .unwrap(),
            json!({
                "location": "local",
                "zones": ["1"],
                "tags": {"Env": "prod", "cost.center": "7", "a/b": "8"},
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "publisher": "P", "list": [{"n": 1}, {"n": 2}, {"m": 3}], "empty": [], "gone": null,
                    "grid": [[1, 2], [3]], "odd.name": {"x": 4}
                },
            }),
        )
    }

    fn check(field: &str) -> Value {
        Field::parse(field).unwrap().read(&extension()).into_value()
    }

    #[test]
    fn fields_and_aliases() {
        for (field, expected) in [
            ("type", json!(TYPE)),
            ("fullName", json!("web-1/MDE.Linux")),
            ("name", json!("MDE.Linux")),
            ("Location", json!("local")),
            ("identity.type", json!("SystemAssigned")),
            ("tags.env", json!("prod")),
            ("tags['cost.center']", json!("7")),
            ("tags['a/b']", json!("8")),
            ("tags[env]", json!("prod")),
            ("tags", json!({"Env": "prod", "cost.center": "7", "a/b": "8"})),
            (&format!("{TYPE}/PUBLISHER"), json!("P")),
            (&format!("{TYPE}/list[*].n"), json!([1, 2, null])),
            (&format!("{TYPE}/list[*]"), json!([{"n": 1}, {"n": 2}, {"m": 3}])),
            (&format!("{TYPE}/grid[*][*]"), json!([1, 2, 3])),
            (&format!("{TYPE}/empty[*]"), json!([])),
            (&format!("{TYPE}/nothing[*].x"), json!([])),
            (&format!("{TYPE}/zones[*]"), json!(["1"])),
            (&format!("{TYPE}/['odd.name'].x"), json!(4)),
            (&format!("{TYPE}/gone"), Value::Null),
            (&format!("{TYPE}/list"), json!([{"n": 1}, {"n": 2}, {"m": 3}])),
        ] {
            assert_eq!(check(field), expected, "{field}");
        }
        for absent in [
            "tags.none",
            "kind",
            "Microsoft.HybridCompute/machines/publisher",
            &format!("{TYPE}/none.deeper"),
            "été",
        ] {
            assert_eq!(Field::parse(absent).unwrap().read(&extension()), Found::Absent, "{absent}");
        }
    }

    #[test]
    fn what_names_no_field() {
        for (text, expected) in [
            ("", FieldError::Empty),
            ("A.B/c/x[0]", FieldError::Bracket("x[0]".to_owned())),
            ("A.B/c/x[*", FieldError::Bracket("x[*".to_owned())),
            ("A.B/c/x[*]y", FieldError::Bracket("x[*]y".to_owned())),
            ("A.B/c/x..y", FieldError::Step("x..y".to_owned())),
            ("A.B/c/x.", FieldError::Step("x.".to_owned())),
            ("A.B/c/", FieldError::Step(String::new())),
            (&"x".repeat(5_000), FieldError::TooLong),
        ] {
            assert_eq!(Field::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn names_below_an_array() {
        let below = |field: &str, of: &str| {
            let path = Field::parse(field).unwrap().below(&Field::parse(of).unwrap());
            path.map(|path| path.0.iter().map(|step| (step.name.clone(), step.stars)).collect::<Vec<_>>())
        };
        let step = |name: &str, stars| (name.to_owned(), stars);
        assert_eq!(below("A/b/x[*]", "A/b/x[*]"), Some(vec![]));
        assert_eq!(below("A/b/X[*].y", "a/B/x[*]"), Some(vec![step("y", 0)]));
        assert_eq!(below("A/b/x[*].y[*].z", "A/b/x[*]"), Some(vec![step("y", 1), step("z", 0)]));
        assert_eq!(below("A/b/x[*].y[*].z", "A/b/x[*].y[*]"), Some(vec![step("z", 0)]));
        assert_eq!(below("A/b/x[*][*]", "A/b/x[*]"), Some(vec![step("", 1)]));
        for (field, of) in
            [("A/b/x", "A/b/x[*]"), ("A/b/xy[*]", "A/b/x[*]"), ("A/c/x[*]", "A/b/x[*]"), ("type", "A/b/x[*]")]
        {
            assert_eq!(below(field, of), None, "{field} {of}");
        }
    }
}
