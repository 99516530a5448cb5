//! Exemptions, and attestations of what no program can see.

use bartizan_base::{ResourceId, Ticks};
use serde_json::{Map, Value};

use crate::selector::{ResourceSelectors, SelectorError};
use crate::value::{get, same_text};
use crate::verdict::Compliance;

/// Why an exemption or attestation cannot be used. Places are JSON pointers from the resource on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExemptionError {
    #[error("`{0}` hangs on nothing; put it to a scope or a resource")]
    NoScope(String),
    #[error("`/properties/policyAssignmentId` must be the id of a policy assignment")]
    Assignment,
    #[error("`/properties/{member}` must be {wanted}")]
    Member { member: &'static str, wanted: &'static str },
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

/// Why a scope is exempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExemptionCategory {
    /// The non-compliance is accepted.
    Waiver,
    /// The intent of the policy is met by other means.
    Mitigated,
}

/// A scope that an assignment leaves alone, for a while or for good.
#[derive(Clone, Debug)]
pub struct Exemption {
    pub id: ResourceId,
    pub scope: ResourceId,
    pub assignment_id: ResourceId,
    pub category: ExemptionCategory,
    /// Only these members of an initiative; empty is all.
    pub references: Vec<String>,
    pub expires: Option<Ticks>,
    pub selectors: ResourceSelectors,
}

/// Somebody's word on a `manual` policy.
#[derive(Clone, Debug)]
pub struct Attestation {
    pub id: ResourceId,
    pub scope: ResourceId,
    pub assignment_id: ResourceId,
    /// Of an initiative.
    pub reference: String,
    pub state: Compliance,
    pub expires: Option<Ticks>,
}

impl Exemption {
    /// Reads an exemption resource.
    ///
    /// # Errors
    /// See [`ExemptionError`].
    pub fn parse(id: &ResourceId, body: &Value) -> Result<Self, ExemptionError> {
        let none = Map::new();
        let properties = body.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let category = get(properties, "exemptionCategory").and_then(Value::as_str).unwrap_or_default();
        let category = match category.to_ascii_lowercase().as_str() {
            "waiver" => ExemptionCategory::Waiver,
            "mitigated" => ExemptionCategory::Mitigated,
            _ => {
                return Err(ExemptionError::Member {
                    member: "exemptionCategory",
                    wanted: "`Waiver` or `Mitigated`",
                });
            }
        };
        let references = match get(properties, "policyDefinitionReferenceIds") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(list) => list
                .as_array()
                .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect()),
        };
        Ok(Self {
            id: id.clone(),
            scope: id.parent().ok_or_else(|| ExemptionError::NoScope(id.to_string()))?,
            assignment_id: assignment(properties)?,
            category,
            references: references.ok_or(ExemptionError::Member {
                member: "policyDefinitionReferenceIds",
                wanted: "a list of texts",
            })?,
            expires: expires(properties)?,
            selectors: ResourceSelectors::parse(
                get(properties, "resourceSelectors"),
                "/properties/resourceSelectors",
            )?,
        })
    }

    /// Whether it still holds, and is about the member called `reference` (empty for a single definition).
    pub fn is_about(&self, reference: &str, now: Ticks) -> bool {
        self.expires.is_none_or(|end| now < end)
            && (self.references.is_empty() || self.references.iter().any(|mine| same_text(mine, reference)))
    }
}

impl Attestation {
    /// Reads an attestation resource.
    ///
    /// # Errors
    /// See [`ExemptionError`].
    pub fn parse(id: &ResourceId, body: &Value) -> Result<Self, ExemptionError> {
        let none = Map::new();
        let properties = body.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let text = |name: &str| get(properties, name).and_then(Value::as_str).unwrap_or_default();
        let state = match text("complianceState").to_ascii_lowercase().as_str() {
            "compliant" => Compliance::Compliant,
            "noncompliant" => Compliance::NonCompliant,
            "unknown" | "" => Compliance::Unknown,
            _ => {
                return Err(ExemptionError::Member {
                    member: "complianceState",
                    wanted: "`Compliant`, `NonCompliant` or `Unknown`",
                });
            }
        };
        Ok(Self {
            id: id.clone(),
            scope: id.parent().ok_or_else(|| ExemptionError::NoScope(id.to_string()))?,
            assignment_id: assignment(properties)?,
            reference: text("policyDefinitionReferenceId").to_owned(),
            state,
            expires: expires(properties)?,
        })
    }

    /// Whether it still holds, and is about the member called `reference`.
    pub fn is_about(&self, reference: &str, now: Ticks) -> bool {
        self.expires.is_none_or(|end| now < end) && same_text(&self.reference, reference)
    }
}

fn assignment(properties: &Map<String, Value>) -> Result<ResourceId, ExemptionError> {
    let id = get(properties, "policyAssignmentId").and_then(Value::as_str);
    id.and_then(|id| ResourceId::parse(id).ok()).ok_or(ExemptionError::Assignment)
}

fn expires(properties: &Map<String, Value>) -> Result<Option<Ticks>, ExemptionError> {
    let Some(value) = get(properties, "expiresOn").filter(|value| !value.is_null()) else { return Ok(None) };
    let moment = value.as_str().and_then(|text| Ticks::parse(text).ok());
    moment.map(Some).ok_or(ExemptionError::Member {
        member: "expiresOn",
        wanted: "a date and time such as `2026-01-02T03:04:05Z`",
    })
}
