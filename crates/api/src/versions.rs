//! `api-version`: required on every ARM request, as a date that the provider has had.
//!
//! Resource bodies here are documents that have kept their fields over the versions clients use, so a
//! provider accepts every version between its first and the newest one seen in a client, and refuses others.

use bartizan_base::ErrorKind;

use crate::error::ApiError;

/// Namespace, first version, last version.
const RANGES: &[(&str, &str, &str)] = &[
    ("bartizan.security", "2022-12-01", "2026-06-01"),
    ("microsoft.authorization", "2015-07-01", "2026-06-01"),
    ("microsoft.awsconnector", "2024-12-01", "2024-12-01"),
    ("microsoft.connectedvmwarevsphere", "2020-10-01", "2023-12-01"),
    ("microsoft.guestconfiguration", "2018-06-30-preview", "2024-04-05"),
    ("microsoft.hybridcompute", "2019-12-12", "2026-07-15"),
    ("microsoft.insights", "2019-11-01", "2024-03-11"),
    ("microsoft.management", "2018-03-01", "2024-04-01"),
    ("microsoft.operationalinsights", "2015-03-20", "2025-07-01"),
    ("microsoft.policyinsights", "2018-04-04", "2024-10-01"),
    ("microsoft.resourcegraph", "2018-09-01", "2024-04-01"),
    ("microsoft.resources", "2014-04-01", "2026-06-01"),
    ("microsoft.security", "2015-06-01", "2026-06-01"),
    ("microsoft.securityinsights", "2019-01-01", "2026-06-01"),
    ("microsoft.subscription", "2019-03-01", "2025-11-01"),
];

/// Checks the `api-version` of a request to `namespace`.
///
/// # Errors
/// With ARM's codes, when it is missing, not a version, or not one of the provider's.
pub fn check(namespace: &str, version: Option<&str>) -> Result<(), ApiError> {
    let Some(version) = version.filter(|version| !version.is_empty()) else {
        return Err(ApiError::coded(
            ErrorKind::Invalid,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let lower = namespace.to_ascii_lowercase();
    let Some((_, first, last)) = RANGES.iter().find(|(name, ..)| *name == lower) else {
        // Whether the namespace exists at all is told by the type table.
        return if is_version(version) { Ok(()) } else { Err(invalid(version, "")) };
    };
    let known = is_version(version) && (*first..=*last).contains(&&version[..10]);
    if known { Ok(()) } else { Err(invalid(version, &format!(" It must lie between {first} and {last}."))) }
}

/// The newest version that a provider takes.
pub fn newest(namespace: &str) -> Option<&'static str> {
    RANGES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(namespace)).map(|(_, _, last)| *last)
}

fn invalid(version: &str, hint: &str) -> ApiError {
    let shown: String = version.chars().take(40).collect();
    ApiError::coded(
        ErrorKind::Invalid,
        "InvalidApiVersionParameter",
        format!("The api-version '{shown}' is invalid.{hint}"),
    )
}

/// `YYYY-MM-DD`, optionally followed by `-preview` or the like.
fn is_version(text: &str) -> bool {
    let (Some(date), Some(suffix)) = (text.get(..10), text.get(10..)) else { return false };
    let numbers = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let suffix = suffix.is_empty()
        || suffix
            .strip_prefix('-')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase()));
    numbers && suffix && bartizan_base::Ticks::parse(date).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let code = |version| check("Microsoft.Security", version).map_err(|error| error.code);
        assert_eq!(code(Some("2024-01-01")), Ok(()));
        assert_eq!(code(Some("2019-01-01-preview")), Ok(()));
        assert_eq!(code(None), Err("MissingApiVersionParameter".to_owned()));
        for wrong in ["1999-01-01", "2031-01-01", "2024-13-01", "latest", "2024-01-01-", "2024-01-0\u{e9}"] {
            assert_eq!(code(Some(wrong)), Err("InvalidApiVersionParameter".to_owned()), "{wrong}");
        }
    }
}
