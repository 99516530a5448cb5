//! The token endpoint and OIDC discovery.

use serde::{Deserialize, Serialize};

/// A token.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    pub token_type: String,
    pub expires_in: u64,
    pub ext_expires_in: u64,
    pub access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who signed in, for the program; people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// base64url of `{"uid", "utid"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_info: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// What the token endpoint says when it refuses (RFC 6749, section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    pub error: String,
    pub error_description: String,
}

/// Claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// Object id of the principal.
    pub oid: String,
    pub sub: String,
    /// `client_id` of a service principal.
    #[serde(default)]
    pub appid: String,
    pub tid: String,
    pub name: String,
    /// `app` or `user`.
    pub idtyp: String,
    pub ver: String,
}

/// Claims of an id token: who signed in, for the program that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaims {
    /// The program's `client_id`.
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub oid: String,
    pub sub: String,
    pub tid: String,
    pub name: String,
    pub preferred_username: String,
    pub upn: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nonce: String,
    pub ver: String,
}
