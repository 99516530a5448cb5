//! Error kinds to HTTP statuses and ARM error bodies: the one place.

use bartizan_base::ErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error as a caller sees it. Whatever only the log should have is not in here.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub kind: ErrorKind,
    /// ARM's code: `ResourceNotFound`, `AuthorizationFailed` …
    pub code: String,
    pub message: String,
    /// What is wrong: a field, a header, a position.
    pub target: Option<String>,
    pub details: Vec<Value>,
    /// Typed facts for programs, a list of `{"type": "PolicyViolation", "info": {…}}`. Boxed, because few errors
    /// have any and every answer has room for one.
    pub additional_info: Option<Box<Value>>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

/// `{"error": {…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

/// The inside of an error body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetail {
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Value>,
    #[serde(rename = "additionalInfo", default, skip_serializing_if = "Option::is_none")]
    pub additional_info: Option<Box<Value>>,
}

impl ApiError {
    /// An error with the usual code of its kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::coded(kind, default_code(kind), message)
    }

    /// An error with a code of its own.
    pub fn coded(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        let retry_after = kind.retryable().then_some(RETRY_AFTER_SECONDS);
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            additional_info: None,
            retry_after,
        }
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// A field of the body is wrong.
    pub fn field(path: &str, message: impl Into<String>) -> Self {
        let error = Self::coded(ErrorKind::Invalid, "InvalidRequestContent", message);
        Self { target: Some(path.to_owned()), ..error }
    }

    /// The body is in a form that is not understood here: 415, which tells a client to send another form
    /// and not to give the content up.
    pub fn unsupported_media(message: impl Into<String>) -> Self {
        Self::coded(ErrorKind::Invalid, UNSUPPORTED_MEDIA, message)
    }

    /// The path is served, but not with this method: 405.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::coded(ErrorKind::Invalid, METHOD_NOT_ALLOWED, message)
    }

    /// There is no such resource.
    pub fn not_found(id: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("The resource `{id}` was not found."))
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self.code.as_str() {
            UNSUPPORTED_MEDIA => 415,
            METHOD_NOT_ALLOWED => 405,
            _ => status(self.kind),
        }
    }

    /// The body.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: self.code.clone(),
                message: self.message.clone(),
                target: self.target.clone(),
                details: self.details.clone(),
                additional_info: self.additional_info.clone(),
            },
        }
    }
}

/// The code of a 415.
const UNSUPPORTED_MEDIA: &str = "UnsupportedMediaType";

/// The code of a 405.
const METHOD_NOT_ALLOWED: &str = "MethodNotAllowed";

/// When a busy server suggests to come back.
const RETRY_AFTER_SECONDS: u32 = 5;

/// The HTTP status of a kind.
pub fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Invalid => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Conflict => 409,
        ErrorKind::Precondition => 412,
        ErrorKind::TooLarge => 413,
        ErrorKind::TooMany => 429,
        ErrorKind::Internal => 500,
        ErrorKind::Unavailable => 503,
        ErrorKind::Timeout => 504,
    }
}

fn default_code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "BadRequest",
        ErrorKind::Unauthenticated => "AuthenticationFailed",
        ErrorKind::Forbidden => "AuthorizationFailed",
        ErrorKind::NotFound => "ResourceNotFound",
        ErrorKind::Conflict => "Conflict",
        ErrorKind::Precondition => "PreconditionFailed",
        ErrorKind::TooLarge => "RequestEntityTooLarge",
        ErrorKind::TooMany => "TooManyRequests",
        ErrorKind::Internal => "InternalServerError",
        ErrorKind::Unavailable => "ServiceUnavailable",
        ErrorKind::Timeout => "GatewayTimeout",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_the_arm_form() {
        let error = ApiError::field("properties.status", "`Open` is not a status");
        assert_eq!(error.status(), 400);
        let body = serde_json::to_value(error.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"error": {
                "code": "InvalidRequestContent",
                "message": "`Open` is not a status",
                "target": "properties.status",
            }})
        );
    }

    #[test]
    fn only_what_can_be_retried_says_when() {
        assert_eq!(ApiError::new(ErrorKind::TooMany, "").retry_after, Some(RETRY_AFTER_SECONDS));
        assert_eq!(ApiError::invalid("").retry_after, None);
    }
}
