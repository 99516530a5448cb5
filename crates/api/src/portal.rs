//! Bodies that only the portal uses.

use std::collections::BTreeMap;

use bartizan_base::Ticks;
use serde::{Deserialize, Serialize};

/// `POST /portal/v1/signin`.
#[derive(Clone, Deserialize)]
pub struct SignIn {
    pub code: String,
}

/// Who is signed in, and where things are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub name: String,
    pub object_id: String,
    pub tenant_id: String,
    pub subscription_id: String,
    pub subscription_name: String,
    pub resource_group: String,
    pub location: String,
    /// ARM id of the default workspace.
    pub workspace_id: String,
    /// The id that queries take.
    pub workspace_customer_id: String,
    pub version: String,
}

/// `POST /portal/v1/onboarding`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OnboardingRequest {
    pub resource_group: String,
    pub location: String,
    pub tags: BTreeMap<String, String>,
    /// `http://host:port`, for machines behind a proxy.
    pub proxy: Option<String>,
}

/// A token that enrols machines, and the script that uses it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    pub token: String,
    pub expires_on: Ticks,
    pub script: String,
}

/// `POST /portal/v1/query/check`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRequest {
    /// `customerId`, or the workspace's ARM id; the default workspace when absent.
    #[serde(default)]
    pub workspace: Option<String>,
    pub query: String,
}

/// What the binder says of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub diagnostics: Vec<Diagnostic>,
    /// The columns of the result; `None` when the query cannot run.
    pub columns: Option<Vec<crate::logs::AnswerColumn>>,
}

/// One finding; positions are byte offsets into the query text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub code: String,
    pub severity: String,
    pub start: usize,
    pub end: usize,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
