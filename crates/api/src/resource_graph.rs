//! `POST /providers/Microsoft.ResourceGraph/resources`.

use serde::Deserialize;

/// A query over resources.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphRequest {
    pub query: String,
    /// Only these; all that the caller sees when absent.
    #[serde(default)]
    pub subscriptions: Option<Vec<String>>,
    /// Names of management groups: what lies below them, besides `subscriptions`.
    #[serde(default)]
    pub management_groups: Option<Vec<String>>,
    #[serde(default)]
    pub options: Option<GraphOptions>,
    /// Statistics about the answer, besides it.
    #[serde(default)]
    pub facets: Option<Vec<FacetRequest>>,
}

/// How often each value of an expression occurs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FacetRequest {
    /// A column, or anything that can be grouped by.
    pub expression: String,
    #[serde(default)]
    pub options: Option<FacetOptions>,
}

/// Which values, and in which order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FacetOptions {
    /// `count` when absent.
    pub sort_by: Option<String>,
    pub sort_order: Option<SortOrder>,
    /// A condition on the values.
    pub filter: Option<String>,
    #[serde(rename = "$top")]
    pub top: Option<u64>,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SortOrder {
    Asc,
    #[default]
    Desc,
}

/// How much is wanted, and in which form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GraphOptions {
    #[serde(rename = "$top")]
    pub top: Option<u64>,
    #[serde(rename = "$skip")]
    pub skip: Option<u64>,
    #[serde(rename = "$skipToken")]
    pub skip_token: Option<String>,
    pub result_format: Option<ResultFormat>,
}

/// The form of `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResultFormat {
    #[default]
    #[serde(rename = "objectArray")]
    ObjectArray,
    #[serde(rename = "table")]
    Table,
}
