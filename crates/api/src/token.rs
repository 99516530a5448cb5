//! The token endpoint and OIDC discovery.

use serde::{Deserialize, Serialize};

/// The form fields of a token request (RFC 6749); each grant uses some of them.
#[derive(Clone, Default, Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    pub grant_type: String,
    #[serde(default)]
    pub client_id: String,
    #[serde(default)]
    pub client_secret: String,
    #[serde(default)]
    pub scope: String,
    /// The v1.0 name of `scope`.
    #[serde(default)]
    pub resource: String,
    #[serde(default)]
    pub refresh_token: String,
}

/// A token.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    pub token_type: String,
    pub expires_in: u64,
    pub ext_expires_in: u64,
    pub access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
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
