//! The part of OData's `$filter` that clients use on lists: comparisons joined by `and`.

use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use serde_json::Value;

use crate::http::Failure;

/// A parsed filter; empty holds always.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<Comparison>);

#[derive(Debug)]
struct Comparison {
    path: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Filter {
    /// Reads `properties/status eq 'New' and properties/severity ne 'Low'`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let parts = text.split(" and ").map(str::trim).filter(|part| !part.is_empty() && !is_scope(part));
        parts.map(comparison).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an ARM object passes. Names compare without regard to case; text too, as Azure does.
    pub(super) fn holds(&self, value: &Value) -> bool {
        self.0.iter().all(|test| test.holds(value))
    }
}

/// `atScope()` adds what scopes above have and `atExactScope()` leaves out what scopes below have: the list's
/// business, not a comparison.
fn is_scope(part: &str) -> bool {
    ["atscope()", "atexactscope()", "atscopeandbelow()"].contains(&part.to_ascii_lowercase().as_str())
}

fn comparison(text: &str) -> Result<Comparison, Failure> {
    // There are no groups of people, so being assigned something is being named.
    let lower = text.to_ascii_lowercase();
    if let Some(value) = lower.strip_prefix("assignedto('").and_then(|rest| rest.strip_suffix("')")) {
        let (path, value) = ("principalId".to_owned(), value.to_owned());
        return Ok(Comparison { path, operator: Operator::Eq, value });
    }
    let wrong = || {
        let shown: String = text.chars().take(120).collect();
        Failure(ApiError::coded(
            bartizan_base::ErrorKind::Invalid,
            "InvalidFilterInQueryString",
            format!(
                "`{shown}` is not a comparison such as `properties/status eq 'New'`; comparisons are joined by `and`."
            ),
        ))
    };
    let mut words = text.trim_matches(['(', ')']).splitn(3, ' ');
    let (Some(path), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else {
        return Err(wrong());
    };
    let operator = match operator.to_ascii_lowercase().as_str() {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return Err(wrong()),
    };
    let value = value.trim();
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    let value = quoted.map_or_else(|| value.to_owned(), |text| text.replace("''", "'"));
    let path = if path.eq_ignore_ascii_case("resourceType") { "type" } else { path };
    Ok(Comparison { path: path.to_owned(), operator, value })
}

impl Comparison {
    fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.path.split('/').try_fold(value, |value, name| {
            value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }

    fn holds(&self, value: &Value) -> bool {
        // No member of a resource, but clients list a group's resources by it.
        if self.path.eq_ignore_ascii_case("resourceGroup") {
            let id = value.get("id").and_then(Value::as_str).and_then(|id| ResourceId::parse(id).ok());
            let same = id.as_ref().and_then(ResourceId::resource_group);
            let same = same.is_some_and(|group| group.eq_ignore_ascii_case(&self.value));
            return same == (self.operator == Operator::Eq);
        }
        // `principalId` and `roleName` stand for the property, as in Azure.
        let found = self.find(value).or_else(|| self.find(value.get("properties")?));
        let Some(found) = found.filter(|found| !found.is_null()) else {
            return self.operator == Operator::Ne;
        };
        let order = match (found, self.value.parse::<f64>()) {
            (Value::Number(number), Ok(wanted)) => number.as_f64().unwrap_or_default().total_cmp(&wanted),
            (Value::String(text), _) => text.to_lowercase().cmp(&self.value.to_lowercase()),
            (other, _) => other.to_string().cmp(&self.value),
        };
        match self.operator {
            Operator::Eq => order.is_eq(),
            Operator::Ne => order.is_ne(),
            Operator::Gt => order.is_gt(),
            Operator::Ge => order.is_ge(),
            Operator::Lt => order.is_lt(),
            Operator::Le => order.is_le(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters() {
        let incident = json!({"properties": {"status": "New", "severity": "High", "incidentNumber": 7}});
        let holds = |text: &str| Filter::parse(text).map(|filter| filter.holds(&incident)).ok();
        assert_eq!(holds(""), Some(true));
        assert_eq!(holds("properties/status eq 'new'"), Some(true));
        assert_eq!(holds("Properties/Status eq 'New' and properties/severity ne 'High'"), Some(false));
        assert_eq!(holds("properties/incidentNumber gt 6"), Some(true));
        assert_eq!(holds("properties/owner/email eq 'a'"), Some(false));
        assert_eq!(holds("atScope() and incidentNumber eq 7"), Some(true));
        assert_eq!(holds("assignedTo('a')"), Some(false));
        let of_group = json!({"id": "/subscriptions/s/resourceGroups/Web/providers/a/b/c"});
        let in_group = |text: &str| Filter::parse(text).map(|filter| filter.holds(&of_group)).ok();
        assert_eq!(in_group("resourceGroup eq 'web'"), Some(true));
        assert_eq!(in_group("resourceGroup eq 'db'"), Some(false));
        assert_eq!(holds("startswith(name, 'a')"), None);
    }
}
