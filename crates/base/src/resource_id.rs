//! ARM resource ids: `/subscriptions/{id}/resourceGroups/{rg}/providers/{ns}/{type}/{name}[/{type}/{name}…]`.
//!
//! Ids keep the spelling they were given and compare without regard to case, as Azure Resource Manager does.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest id accepted, in bytes. Azure's own limit for a resource id is 2,048 characters.
const LENGTH_MAX: usize = 2048;

/// A parsed ARM id. `/subscriptions/{id}`, resource groups, resources, child resources and extension
/// resources (`…/providers/A/b/c/providers/D/e/f`) are all resource ids.
///
/// Clones share the text: a server keeps the ids of hundreds of thousands of resources in several places.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId {
    /// The id as it was given, and after it the same in small letters, which is as long.
    spellings: Arc<str>,
}

/// Why a text is not a resource id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceIdError {
    #[error("resource id does not start with `/`")]
    NotAbsolute,
    #[error("resource id is longer than {LENGTH_MAX} bytes")]
    TooLong,
    #[error("resource id has an empty or forbidden segment `{0}`")]
    BadSegment(String),
    #[error("resource id `{0}` ends where a name is expected")]
    Incomplete(String),
}

impl ResourceId {
    /// Parses and checks `text`. A trailing slash is dropped.
    ///
    /// # Errors
    /// See [`ResourceIdError`].
    pub fn parse(text: &str) -> Result<Self, ResourceIdError> {
        if !text.starts_with('/') {
            return Err(ResourceIdError::NotAbsolute);
        }
        if text.len() > LENGTH_MAX {
            return Err(ResourceIdError::TooLong);
        }
        let text = text.trim_end_matches('/');
        for segment in text.split('/').skip(1) {
            let forbidden =
                |c: char| c.is_control() || matches!(c, '<' | '>' | '%' | '&' | '?' | '#' | '\\' | '/');
            if segment.is_empty() || segment == "." || segment == ".." || segment.contains(forbidden) {
                return Err(ResourceIdError::BadSegment(segment.chars().take(80).collect()));
            }
        }
        // ASCII folding keeps byte positions equal in both spellings, so one can index the other.
        let mut spellings = String::with_capacity(2 * text.len());
        spellings.push_str(text);
        spellings.push_str(text);
        spellings[text.len()..].make_ascii_lowercase();
        let id = Self { spellings: spellings.into() };
        let after_providers = id.key().rsplit_once("/providers/").map(|(_, rest)| rest.split('/').count());
        let plain = id.key().split('/').skip(1).count();
        let complete = match after_providers {
            // namespace, then pairs of type and name
            Some(count) => count % 2 == 1,
            None => plain.is_multiple_of(2),
        };
        if complete { Ok(id) } else { Err(ResourceIdError::Incomplete(text.to_owned())) }
    }

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.spellings[..self.spellings.len() / 2]
    }

    /// The lower-case form, used as a database key and for comparison.
    pub fn key(&self) -> &str {
        &self.spellings[self.spellings.len() / 2..]
    }

    /// The last segment: the resource's name.
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// `Namespace/type[/type…]` as spelled in the id, or `Microsoft.Resources/subscriptions` and
    /// `Microsoft.Resources/resourceGroups` for ids without a provider.
    pub fn resource_type(&self) -> String {
        match self.key().rfind("/providers/") {
            Some(at) => {
                let mut parts = self.as_str()[at + "/providers/".len()..].split('/');
                let mut out = parts.next().unwrap_or_default().to_owned();
                for ty in parts.step_by(2) {
                    out.push('/');
                    out.push_str(ty);
                }
                out
            }
            None if self.key().contains("/resourcegroups/") => {
                "Microsoft.Resources/resourceGroups".to_owned()
            }
            None => "Microsoft.Resources/subscriptions".to_owned(),
        }
    }

    /// The subscription segment, if the id has one.
    pub fn subscription(&self) -> Option<&str> {
        self.segment_after("subscriptions")
    }

    /// The resource group segment, if the id has one.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment_after("resourcegroups")
    }

    fn segment_after(&self, word: &str) -> Option<&str> {
        let mut segments = self.as_str().split('/').skip(1);
        while let (Some(key), Some(value)) = (segments.next(), segments.next()) {
            if key.eq_ignore_ascii_case(word) {
                return Some(value);
            }
            if key.eq_ignore_ascii_case("providers") {
                return None;
            }
        }
        None
    }

    /// The enclosing scope: the parent resource, the extended resource, the resource group or the
    /// subscription. `None` for a subscription.
    pub fn parent(&self) -> Option<ResourceId> {
        let (up, _) = self.as_str().rsplit_once('/')?;
        let (up, _) = up.rsplit_once('/')?;
        let lower = up.to_ascii_lowercase();
        let cut = match lower.rfind("/providers/") {
            // only the namespace is left behind: drop it
            Some(at) if !lower[at + "/providers/".len()..].contains('/') => &up[..at],
            _ => up,
        };
        if cut.is_empty() { None } else { ResourceId::parse(cut).ok() }
    }

    /// Whether this id is `scope` itself or lies below it.
    pub fn is_within(&self, scope: &ResourceId) -> bool {
        self.key() == scope.key()
            || (self.key().starts_with(scope.key())
                && self.key().as_bytes().get(scope.key().len()) == Some(&b'/'))
    }

    /// This id with `suffix` (without leading slash) appended.
    ///
    /// # Errors
    /// See [`ResourceId::parse`].
    pub fn join(&self, suffix: &str) -> Result<ResourceId, ResourceIdError> {
        ResourceId::parse(&format!("{}/{suffix}", self.as_str()))
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(other.key())
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceId({})", self.as_str())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ResourceId {
    type Err = ResourceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = ResourceIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> String {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str =
        "/subscriptions/S/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/Web01";

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text).unwrap()
    }

    #[test]
    fn reads_the_parts() {
        let machine = id(MACHINE);
        assert_eq!(machine.name(), "Web01");
        assert_eq!(machine.resource_type(), "Microsoft.HybridCompute/machines");
        assert_eq!(machine.subscription(), Some("S"));
        assert_eq!(machine.resource_group(), Some("rg"));
        let extension = machine.join("extensions/MDE.Linux").unwrap();
        assert_eq!(extension.resource_type(), "Microsoft.HybridCompute/machines/extensions");
        assert_eq!(extension.parent(), Some(machine.clone()));
        let assessment = machine.join("providers/Microsoft.Security/assessments/key").unwrap();
        assert_eq!(assessment.resource_type(), "Microsoft.Security/assessments");
        assert_eq!(assessment.parent(), Some(machine.clone()));
        assert_eq!(machine.parent(), Some(id("/subscriptions/S/resourceGroups/rg")));
        assert_eq!(id("/subscriptions/S/resourceGroups/rg").parent(), Some(id("/subscriptions/S")));
        assert_eq!(id("/subscriptions/S").parent(), None);
    }

    #[test]
    fn compares_without_case_and_by_whole_segments() {
        assert_eq!(id(MACHINE), id(&MACHINE.to_uppercase()));
        assert!(id(MACHINE).is_within(&id("/SUBSCRIPTIONS/s/resourcegroups/RG")));
        assert!(!id(MACHINE).is_within(&id("/subscriptions/S/resourceGroups/r")));
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for bad in [
            "",
            "subscriptions/x",
            "/subscriptions",
            "/subscriptions//x",
            "/subscriptions/../x",
            "/a/b%2f",
            "/subscriptions/x/providers/N/t",
        ] {
            assert!(ResourceId::parse(bad).is_err(), "{bad}");
        }
    }
}
