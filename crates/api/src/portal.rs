//! Bodies that only the portal uses.

use std::collections::BTreeMap;

use bartizan_base::Ticks;
use serde::{Deserialize, Serialize};

/// `POST /portal/v1/signin`: the code of a link, or a name with its password.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignIn {
    pub code: String,
    pub name: String,
    pub password: String,
    /// What the authenticator app shows.
    pub otp: String,
    /// In place of a password that somebody else made: the answer `PasswordChangeRequired` asks for it.
    pub new_password: String,
}

/// `POST /portal/v1/account/password`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPassword {
    /// The present one; empty for who has none.
    pub current: String,
    pub password: String,
}

/// `POST /portal/v1/account/totp/confirm` and `/remove`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactor {
    pub password: String,
    pub otp: String,
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
    /// The name of the outside provider at which invited people sign in; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_provider: Option<String>,
    pub version: String,
}

/// `POST /portal/v1/onboarding`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OnboardingRequest {
    /// The machines' subscription; empty for the server's first.
    pub subscription_id: String,
    pub resource_group: String,
    pub location: String,
    pub tags: BTreeMap<String, String>,
    /// `http://host:port`, for machines behind a proxy.
    pub proxy: Option<String>,
    /// `appId` of a service principal that machines connect with, in place of a token. The script asks for its
    /// secret, which it does not contain.
    pub service_principal_id: Option<String>,
    /// Machines get the sensor only and join the designated subscription, whatever group is named. With a token only.
    pub direct: bool,
}

/// The script that connects machines, and the token in it; a script with a service principal has none.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Ticks>,
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

/// `POST /portal/v1/transform/preview`: a transformation on rows that are given, or on a table's newest ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TransformPreviewRequest {
    pub transform_kql: String,
    /// `[{"name": …, "type": …}]`, as a stream declares them; together with `rows`.
    pub columns: Option<serde_json::Value>,
    pub rows: Option<Vec<serde_json::Value>>,
    /// A table of the workspace, in place of `columns` and `rows`.
    pub table: Option<String>,
    /// How many rows of the table, at most 100.
    pub count: Option<u64>,
}

/// What the transformation made of them. A transformation that cannot be used is an error with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransformPreview {
    /// The rows that went in.
    pub source: Vec<serde_json::Value>,
    pub columns: Vec<crate::logs::AnswerColumn>,
    /// The rows that came out, as they would be stored.
    pub rows: Vec<serde_json::Value>,
    pub rows_in: u64,
    /// Values that did not fit the declared columns.
    pub rejected_cells: u64,
    /// Fields that are not declared.
    pub unknown_fields: u64,
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

/// `POST /portal/v1/query/complete`, `/hover` and `/call`: a question about a place of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceRequest {
    /// As in [`CheckRequest`].
    #[serde(default)]
    pub workspace: Option<String>,
    pub query: String,
    /// In bytes of UTF-8. Behind the text's end means its end.
    pub offset: usize,
}

/// What may stand at a place, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completions {
    pub items: Vec<CompletionItem>,
    /// There are more: ask again when more is typed.
    pub incomplete: bool,
}

/// One thing that may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionItem {
    pub label: String,
    /// `Column`, `Variable`, `Value`, `Setting`, `Keyword`, `Operator`, `Table`, `Aggregate`, `Function`,
    /// `Plugin` or `Statement`.
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub documentation: String,
    pub insert: String,
    /// The text from here to `end`, in bytes, is replaced.
    pub start: usize,
    pub end: usize,
}

/// What is known of the name at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoverText {
    pub start: usize,
    pub end: usize,
    /// Markdown.
    pub text: String,
}

/// The forms of the call around a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallForms {
    pub forms: Vec<CallForm>,
    /// The form that fits the arguments so far.
    pub form: usize,
    /// The parameter of that form that is being typed; past the last one when there are too many arguments.
    pub parameter: usize,
    pub documentation: String,
}

/// One way to write a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallForm {
    pub label: String,
    /// Start and end of each parameter in the label, in bytes.
    pub parameters: Vec<(usize, usize)>,
}

/// `POST /portal/v1/query/format`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatRequest {
    pub query: String,
}

/// The query as the formatter writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatted {
    /// `None` when the text has syntax errors, which `diagnostics` then names.
    pub query: Option<String>,
    pub diagnostics: Vec<Diagnostic>,
}

/// What each piece of a query is, for its colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colours {
    /// Start and end in bytes, and the number of the kind in `kinds`; in the order of the text.
    pub pieces: Vec<(usize, usize, usize)>,
    pub kinds: Vec<String>,
}
