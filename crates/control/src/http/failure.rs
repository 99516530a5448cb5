//! An error on its way out. Callers see the kind, a code and a message; the log gets the whole chain.

use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_engine::{EngineError, QueryError};
use bartizan_records::RecordsError;
use bartizan_store::StoreError;
use http::{HeaderValue, StatusCode, header};

/// What a handler returns when it cannot do what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) ApiError);

impl Failure {
    /// Somebody is signed in who may not do `action` at `scope`.
    pub(crate) fn forbidden(who: &str, action: &str, scope: &str) -> Self {
        let scope = if scope.is_empty() { "/" } else { scope };
        Self(ApiError::new(
            ErrorKind::Forbidden,
            format!(
                "The client '{who}' does not have authorization to perform action '{action}' over scope '{scope}'."
            ),
        ))
    }

    /// Nobody is signed in, or not validly.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self(ApiError::new(ErrorKind::Unauthenticated, message))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<RecordsError> for Failure {
    fn from(error: RecordsError) -> Self {
        let code = match &error {
            RecordsError::GroupLeaving(_) => "ResourceGroupBeingDeleted",
            RecordsError::GroupMissing(_) => "ResourceGroupNotFound",
            _ => return of_kind(error.kind(), &error),
        };
        Self(ApiError::coded(error.kind(), code, format!("The {error}.")))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        of_kind(error.kind(), &error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        of_kind(ErrorKind::Internal, &error)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        of_kind(error.kind(), &error)
    }
}

impl From<crate::pki::PkiError> for Failure {
    fn from(error: crate::pki::PkiError) -> Self {
        of_kind(error.kind(), &error)
    }
}

/// Internal errors are logged and answered without their text, which may name files or statements.
fn of_kind(kind: ErrorKind, error: &dyn std::error::Error) -> Failure {
    if kind == ErrorKind::Internal {
        tracing::error!(error = chain(error), "request failed");
        return Failure(ApiError::new(kind, "The server failed to do this. Its log says why."));
    }
    Failure(ApiError::new(kind, error.to_string()))
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out.push_str(": ");
        out.push_str(&error.to_string());
        cause = error.source();
    }
    out
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0.body())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Ok(code) = HeaderValue::from_str(&self.0.code) {
            // ARM's clients read the code from here when they do not read the body.
            headers.insert("x-ms-error-code", code);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
