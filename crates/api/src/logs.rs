//! The Log Analytics query API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v1/workspaces/{id}/query`. Clients send `null` for what they leave out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryBody {
    pub query: String,
    #[serde(default)]
    pub timespan: Option<String>,
    /// More workspaces to ask; only the one in the path is known here.
    #[serde(default)]
    pub workspaces: Option<Vec<String>>,
}

/// The answer: tables, and by request how long it took and how to draw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    pub tables: Vec<AnswerTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render: Option<Value>,
    /// A result that was cut short says so here, beside its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<PartialError>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerTable {
    pub name: String,
    pub columns: Vec<AnswerColumn>,
    pub rows: Vec<Vec<Value>>,
}

/// A column: its name and KQL type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
}

/// Why a result is not whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartialError {
    pub code: String,
    pub message: String,
    pub details: Vec<Value>,
}

/// `Prefer: wait=30,include-statistics=true,include-render=true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    pub wait_seconds: Option<u64>,
    pub statistics: bool,
    pub render: bool,
}

impl Prefer {
    /// Reads the header; what is unknown is passed over, as RFC 7240 wants.
    pub fn parse(header: &str) -> Self {
        let mut out = Self::default();
        for item in header.split([',', ';']) {
            let (name, value) = item.trim().split_once('=').unwrap_or((item.trim(), "true"));
            let on = value.trim().eq_ignore_ascii_case("true");
            match name.trim().to_ascii_lowercase().as_str() {
                "wait" => out.wait_seconds = value.trim().parse().ok(),
                "include-statistics" => out.statistics = on,
                "include-render" => out.render = on,
                _ => {}
            }
        }
        out
    }
}

/// `POST /v1/$batch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchBody {
    pub requests: Vec<BatchRequest>,
}

/// One query of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    pub id: String,
    pub body: QueryBody,
    /// The workspace's `customerId`.
    pub workspace: String,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
}

/// The answers of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchAnswer {
    pub responses: Vec<BatchResponse>,
}

/// One answer of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchResponse {
    pub id: String,
    pub status: u16,
    pub headers: std::collections::BTreeMap<String, String>,
    pub body: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefer_as_clients_send_it() {
        assert_eq!(
            Prefer::parse("wait=30,include-statistics=true"),
            Prefer { wait_seconds: Some(30), statistics: true, render: false }
        );
        assert_eq!(
            Prefer::parse("include-render, response-v1=true"),
            Prefer { render: true, ..Prefer::default() }
        );
        assert_eq!(Prefer::parse(""), Prefer::default());
    }

    #[test]
    fn null_is_absent() {
        let body: QueryBody =
            serde_json::from_str(r#"{"query": "T", "timespan": null, "workspaces": null}"#).unwrap();
        assert_eq!(body, QueryBody { query: "T".to_owned(), ..QueryBody::default() });
    }
}
