//! What an ARM path names. Keywords and types compare without regard to case; names keep their spelling.

use bartizan_base::ResourceId;

use crate::error::ApiError;

/// The target of a request, by the shape of its path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource: its id.
    Resource(ResourceId),
    /// An odd number of segments: all resources of a type below a scope (GET), or an action upon the scope
    /// (POST). `…/machines/m/extensions` has the machine as scope and `extensions` as word.
    Below {
        scope: ResourceId,
        /// `Namespace/type/type`, with the word as its last part.
        resource_type: String,
        word: String,
    },
    /// `/subscriptions`.
    Subscriptions,
    /// `/tenants`.
    Tenants,
    /// `/subscriptions/{id}/resourceGroups`.
    ResourceGroups(ResourceId),
    /// `/subscriptions/{id}/{word}` and `…/resourceGroups/{rg}/{word}`: `resources`, `locations` …
    Scope { scope: ResourceId, word: String },
    /// `…/providers` (no namespace) or `…/providers/{namespace}` with an optional word after it.
    Providers { namespace: Option<String>, word: Option<String> },
}

/// Whether a path belongs to ARM, by its first segment.
pub fn is_arm(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ["subscriptions", "providers", "tenants"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

impl Target {
    /// Reads a percent-decoded path.
    ///
    /// # Errors
    /// When the path has the shape of nothing.
    pub fn parse(path: &str) -> Result<Self, ApiError> {
        let path = path.trim_end_matches('/');
        // Azure's clients for Node.js join an id to their endpoint with one slash too many.
        let path = path.strip_prefix('/').filter(|path| path.starts_with('/')).unwrap_or(path);
        let mut segments: Vec<&str> = path.split('/').skip(1).collect();
        // `…/providers/{namespace}//{type}/{name}`: what clients send for a resource that has no parent.
        let parentless =
            |at: usize| segments[at].eq_ignore_ascii_case("providers") && segments[at + 2].is_empty();
        if let Some(at) = (0..segments.len().saturating_sub(3)).rev().find(|at| parentless(*at)) {
            segments.remove(at + 2);
        }
        let keyword = |at: usize, word: &str| segments.get(at).is_some_and(|s| s.eq_ignore_ascii_case(word));
        let providers = (0..segments.len()).rev().find(|at| at % 2 == 0 && keyword(*at, "providers"));
        if let Some(at) = providers {
            return below_provider(&segments, at);
        }
        match segments.len() {
            1 if keyword(0, "tenants") => Ok(Self::Tenants),
            1 if keyword(0, "subscriptions") => Ok(Self::Subscriptions),
            3 if keyword(0, "subscriptions") && keyword(2, "resourceGroups") => {
                Ok(Self::ResourceGroups(id(&segments[..2])?))
            }
            2 if keyword(0, "subscriptions") => Ok(Self::Resource(id(&segments)?)),
            4 if keyword(0, "subscriptions") && keyword(2, "resourceGroups") => {
                Ok(Self::Resource(id(&segments)?))
            }
            3 | 5 if keyword(0, "subscriptions") => {
                let (word, scope) = segments.split_last().expect("there are three or five");
                Ok(Self::Scope { scope: id(scope)?, word: (*word).to_owned() })
            }
            _ => Err(nothing(path)),
        }
    }
}

fn below_provider(segments: &[&str], at: usize) -> Result<Target, ApiError> {
    let rest = &segments[at + 1..];
    match rest {
        [] => Ok(Target::Providers { namespace: None, word: None }),
        [namespace] => Ok(Target::Providers { namespace: Some((*namespace).to_owned()), word: None }),
        // `/subscriptions/s/providers/{namespace}/register`
        [namespace, word] if matches!(word.to_ascii_lowercase().as_str(), "register" | "unregister") => {
            Ok(Target::Providers { namespace: Some((*namespace).to_owned()), word: Some((*word).to_owned()) })
        }
        _ if rest.len() % 2 == 1 => Ok(Target::Resource(id(segments)?)),
        [namespace, types_and_names @ ..] => {
            let word = types_and_names.last().expect("there is at least one type").to_string();
            let types: Vec<&str> = types_and_names.iter().step_by(2).copied().collect();
            let scope =
                if types_and_names.len() == 1 { &segments[..at] } else { &segments[..segments.len() - 1] };
            Ok(Target::Below {
                scope: id(scope)?,
                resource_type: format!("{namespace}/{}", types.join("/")),
                word,
            })
        }
    }
}

fn id(segments: &[&str]) -> Result<ResourceId, ApiError> {
    let text = format!("/{}", segments.join("/"));
    ResourceId::parse(&text).map_err(|error| {
        ApiError::coded(
            bartizan_base::ErrorKind::Invalid,
            "InvalidResourceId",
            format!("The path is not a resource id: {error}."),
        )
    })
}

fn nothing(path: &str) -> ApiError {
    let shown: String = path.chars().take(200).collect();
    ApiError::coded(
        bartizan_base::ErrorKind::NotFound,
        "InvalidPath",
        format!("Nothing is served at `{shown}`."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RG: &str = "/subscriptions/s/resourceGroups/rg";

    fn parse(path: &str) -> String {
        match Target::parse(path) {
            Ok(Target::Resource(id)) => format!("resource {id}"),
            Ok(Target::Below { scope, resource_type, word }) => {
                format!("below {scope} {resource_type} {word}")
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.code,
        }
    }

    #[test]
    fn shapes() {
        let machines = "providers/Microsoft.HybridCompute/machines";
        let cases = [
            (format!("{RG}/{machines}"), format!("below {RG} Microsoft.HybridCompute/machines machines")),
            (format!("{RG}/{machines}/m"), format!("resource {RG}/{machines}/m")),
            (
                format!("{RG}/{machines}/m/extensions"),
                format!("below {RG}/{machines}/m Microsoft.HybridCompute/machines/extensions extensions"),
            ),
            (
                format!("{RG}/{machines}/m/providers/Microsoft.Security/assessments"),
                format!("below {RG}/{machines}/m Microsoft.Security/assessments assessments"),
            ),
            (
                "/subscriptions/s/PROVIDERS/Microsoft.PolicyInsights/policyStates/latest/queryResults"
                    .to_owned(),
                "below /subscriptions/s/PROVIDERS/Microsoft.PolicyInsights/policyStates/latest \
                 Microsoft.PolicyInsights/policyStates/queryResults queryResults"
                    .to_owned(),
            ),
            (
                "/providers/Microsoft.ResourceGraph/resources".to_owned(),
                "below  Microsoft.ResourceGraph/resources resources".to_owned(),
            ),
            (
                format!("{RG}/providers/Microsoft.HybridCompute//machines/m"),
                format!("resource {RG}/{machines}/m"),
            ),
            (format!("/{RG}/{machines}/m"), format!("resource {RG}/{machines}/m")),
            (format!("//{RG}/{machines}/m"), "InvalidPath".to_owned()),
            (format!("{RG}/providers/a///machines/m"), "InvalidResourceId".to_owned()),
            ("/subscriptions/s/nonsense/x/y/z/a".to_owned(), "InvalidPath".to_owned()),
            ("/subscriptions/s/resourceGroups//x".to_owned(), "InvalidResourceId".to_owned()),
        ];
        for (path, expected) in cases {
            assert_eq!(parse(&path), expected, "{path}");
        }
        assert_eq!(Target::parse("/Subscriptions"), Ok(Target::Subscriptions));
        assert!(matches!(Target::parse("/subscriptions/s/resourcegroups"), Ok(Target::ResourceGroups(_))));
        assert!(matches!(Target::parse("/subscriptions/s/locations"), Ok(Target::Scope { .. })));
        assert!(matches!(
            Target::parse("/subscriptions/s/providers"),
            Ok(Target::Providers { namespace: None, .. })
        ));
    }
}
