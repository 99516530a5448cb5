//! Resource selectors and overrides: parts of an assignment's or exemption's scope, by location and type.

use serde_json::Value;

use crate::effect::Effect;
use crate::target::Target;
use crate::value::{member, same_text, text_of};

/// Most selectors, and overrides, of one assignment; Azure's limit.
const SELECTORS_MAX: usize = 10;
/// Most values of one selector; Azure's limit is 50 for locations.
const VALUES_MAX: usize = 200;

/// Why a selector cannot be used. Places are JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error("`{0}` must be a list of at most {SELECTORS_MAX} members")]
    List(String),
    #[error("`{place}/kind` is `{given}`; it must be one of {known}")]
    Kind { place: String, given: String, known: &'static str },
    #[error("`{0}` must have exactly one of `in` and `notIn`, a list of at most {VALUES_MAX} texts")]
    Values(String),
    #[error("`{place}/value` is `{given}`, which is no effect")]
    Effect { place: String, given: String },
}

/// What a selector looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Location,
    WithoutLocation,
    Type,
    Reference,
}

/// One condition of a selector.
#[derive(Clone, Debug)]
struct Selector {
    kind: Kind,
    values: Vec<String>,
    negated: bool,
}

/// Selectors that must all hold.
#[derive(Clone, Debug, Default)]
struct Selectors(Vec<Selector>);

/// `resourceSelectors`: a resource is meant when one of them selects it, or when there is none.
#[derive(Clone, Debug, Default)]
pub struct ResourceSelectors(Vec<Selectors>);

/// One of `overrides`: another effect for some members of an initiative, or resources in some places.
#[derive(Clone, Debug)]
pub struct EffectOverride {
    pub effect: Effect,
    selectors: Selectors,
}

impl ResourceSelectors {
    /// Reads `resourceSelectors`.
    ///
    /// # Errors
    /// See [`SelectorError`].
    pub fn parse(value: Option<&Value>, place: &str) -> Result<Self, SelectorError> {
        const KNOWN: &str = "resourceLocation, resourceType, resourceWithoutLocation";
        let items = list(value, place)?;
        let read = |(at, item): (usize, &Value)| {
            let place = format!("{place}/{at}/selectors");
            Selectors::parse(
                member(item, "selectors"),
                &place,
                &[Kind::Location, Kind::Type, Kind::WithoutLocation],
                KNOWN,
            )
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `target` is meant.
    pub fn select(&self, target: &Target) -> bool {
        self.0.is_empty() || self.0.iter().any(|selectors| selectors.hold(target, ""))
    }
}

impl EffectOverride {
    /// Reads `overrides`. Those of another kind than `policyEffect` (`definitionVersion`) choose what this server has
    /// one of, and are passed over.
    ///
    /// # Errors
    /// See [`SelectorError`].
    pub fn parse_all(value: Option<&Value>, place: &str) -> Result<Vec<Self>, SelectorError> {
        const KINDS: &str = "policyEffect, definitionVersion";
        const KNOWN: &str = "policyDefinitionReferenceId, resourceLocation, resourceType";
        let mut out = Vec::new();
        for (at, item) in list(value, place)?.iter().enumerate() {
            let place = format!("{place}/{at}");
            let text = |name: &str| {
                member(item, name).map(text_of).unwrap_or_default().chars().take(60).collect::<String>()
            };
            match text("kind").to_ascii_lowercase().as_str() {
                "policyeffect" => {}
                "definitionversion" => continue,
                _ => return Err(SelectorError::Kind { place, given: text("kind"), known: KINDS }),
            }
            let effect = Effect::parse(&text("value"))
                .ok_or_else(|| SelectorError::Effect { place: place.clone(), given: text("value") })?;
            let kinds = [Kind::Reference, Kind::Location, Kind::Type];
            let selectors =
                Selectors::parse(member(item, "selectors"), &format!("{place}/selectors"), &kinds, KNOWN)?;
            out.push(Self { effect, selectors });
        }
        Ok(out)
    }

    /// Whether it replaces the effect of the member called `reference` for `target`.
    pub fn applies(&self, target: &Target, reference: &str) -> bool {
        self.selectors.hold(target, reference)
    }
}

impl Selectors {
    fn parse(
        value: Option<&Value>,
        place: &str,
        kinds: &[Kind],
        known: &'static str,
    ) -> Result<Self, SelectorError> {
        let items = list(value, place)?;
        let read = |(at, item): (usize, &Value)| {
            let place = format!("{place}/{at}");
            let given: String =
                member(item, "kind").map(text_of).unwrap_or_default().chars().take(60).collect();
            let kind = match given.to_ascii_lowercase().as_str() {
                "resourcelocation" => Some(Kind::Location),
                "resourcewithoutlocation" => Some(Kind::WithoutLocation),
                "resourcetype" => Some(Kind::Type),
                "policydefinitionreferenceid" => Some(Kind::Reference),
                _ => None,
            };
            let kind = kind.filter(|kind| kinds.contains(kind));
            let kind = kind.ok_or(SelectorError::Kind { place: place.clone(), given, known })?;
            let (values, negated) = match (member(item, "in"), member(item, "notIn")) {
                (Some(Value::Array(values)), None) => (values, false),
                (None, Some(Value::Array(values))) => (values, true),
                _ => return Err(SelectorError::Values(place)),
            };
            let texts: Option<Vec<String>> =
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            let values = texts.filter(|texts| texts.len() <= VALUES_MAX);
            Ok(Selector { kind, values: values.ok_or(SelectorError::Values(place))?, negated })
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn hold(&self, target: &Target, reference: &str) -> bool {
        self.0.iter().all(|selector| selector.holds(target, reference))
    }
}

impl Selector {
    fn holds(&self, target: &Target, reference: &str) -> bool {
        let location = target.body.get("location").and_then(Value::as_str);
        let among = |text: &str| self.values.iter().any(|value| same_text(value, text));
        match self.kind {
            Kind::Type => among(&target.resource_type) != self.negated,
            Kind::Reference => among(reference) != self.negated,
            // `East US` and `eastus` are one place.
            Kind::Location => location.is_some_and(|location| {
                let bare = |text: &str| text.replace(' ', "");
                self.values.iter().any(|value| same_text(&bare(value), &bare(location))) != self.negated
            }),
            Kind::WithoutLocation => location.is_none() != self.negated,
        }
    }
}

fn list<'v>(value: Option<&'v Value>, place: &str) -> Result<&'v [Value], SelectorError> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) if items.len() <= SELECTORS_MAX => Ok(items),
        Some(_) => Err(SelectorError::List(place.to_owned())),
    }
}
