//! `$expand` of "list resources": what the list leaves out unless it is asked for.

use bartizan_api::ApiError;
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::arm::Call;
use crate::http::{Failure, query_value};

/// What can be asked for, as Azure documents it for `GET /subscriptions/{id}/resources`.
const NAMES: [&str; 3] = ["createdTime", "changedTime", "provisioningState"];

/// What was asked for, as members of [`NAMES`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expand(Vec<&'static str>);

impl Expand {
    /// Reads the request's `$expand`.
    ///
    /// # Errors
    /// When it names something else.
    pub(super) fn read(call: &Call) -> Result<Self, Failure> {
        Ok(Self::parse(&query_value(&call.parts.uri, "$expand").unwrap_or_default())?)
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let find = |word: &str| {
            let found = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(word));
            found.ok_or_else(|| {
                ApiError::field("$expand", format!("`{word}` cannot be expanded; {} can", NAMES.join(", ")))
            })
        };
        words.map(find).collect::<Result<_, _>>().map(Self)
    }

    /// Adds what was asked for to a resource as it is shown.
    pub(super) fn show(&self, resource: &Resource, mut shown: Value) -> Value {
        for name in &self.0 {
            let value = match *name {
                "createdTime" => json!(resource.created),
                "changedTime" => json!(resource.modified),
                // What has no long way to go is there once it is written.
                _ => resource.property("provisioningState").cloned().unwrap_or_else(|| "Succeeded".into()),
            };
            shown[*name] = value;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_expanded() {
        assert_eq!(Expand::parse("").unwrap(), Expand::default());
        let both = Expand::parse("CREATEDTIME, provisioningState,").unwrap();
        assert_eq!(both.0, ["createdTime", "provisioningState"]);
        let error = Expand::parse("createdTime,owner").unwrap_err();
        assert!(
            error.message.contains("`owner`") && error.message.contains("changedTime"),
            "{}",
            error.message
        );
    }
}
