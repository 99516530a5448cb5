//! Errors as Kusto's clients read them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_base::ErrorKind;
use bartizan_engine::{Partial, QueryError};
use bartizan_kql::Severity;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::http::Failure;
use crate::logs::position;
use crate::logs::reading::Unanswered;

/// The answer to a query that has none.
pub(super) fn refused(text: &str, unanswered: Unanswered) -> Response {
    match unanswered {
        Unanswered::Other(failure) => failed(failure),
        Unanswered::Query(QueryError::Invalid(findings)) => {
            let first = findings.iter().find(|finding| finding.severity == Severity::Error);
            let message = first.map_or_else(String::new, |finding| {
                let (line, column) = position(text, finding.span.start);
                let hint = finding.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
                let (message, code) = (&finding.message, finding.code);
                format!("Semantic error: {message} ({code}) [line:position={line}:{column}]{hint}")
            });
            let error =
                body("BadRequest_SemanticError", "Kusto.Data.Exceptions.SemanticException", &message, true);
            answer(StatusCode::BAD_REQUEST, error)
        }
        Unanswered::Query(QueryError::Unsupported { what, span }) => {
            let (line, column) = position(text, span.start);
            let message = format!("`{what}` is not supported [line:position={line}:{column}]");
            let error =
                body("BadRequest_NotSupported", "Kusto.Data.Exceptions.SemanticException", &message, true);
            answer(StatusCode::BAD_REQUEST, error)
        }
        // Maps the text, and keeps what only the log should have.
        Unanswered::Query(error) => failed(error.into()),
    }
}

/// A failure that has nothing to do with a query's text.
pub(super) fn failed(Failure(error): Failure) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, exception) = match error.kind {
        ErrorKind::Forbidden => ("Forbidden", "Kusto.Data.Exceptions.KustoServiceForbiddenException"),
        ErrorKind::NotFound => ("BadRequest_EntityNotFound", "Kusto.Data.Exceptions.EntityNotFoundException"),
        ErrorKind::Timeout => ("Timeout", "Kusto.Data.Exceptions.KustoServiceTimeoutException"),
        ErrorKind::TooMany => ("LimitsExceeded", "Kusto.DataNode.Exceptions.LimitsExceededException"),
        _ => (error.code.as_str(), "Kusto.Data.Exceptions.KustoBadRequestException"),
    };
    // Clients take 404 for a server that has no such endpoint, and show no text.
    let status = if status == StatusCode::NOT_FOUND { StatusCode::BAD_REQUEST } else { status };
    let message = match &error.target {
        Some(target) => format!("{target}: {}", error.message),
        None => error.message.clone(),
    };
    let mut response = answer(status, body(code, exception, &message, !error.kind.retryable()));
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What a result says that is not whole.
pub(super) fn cut_off(partial: &Partial) -> Value {
    body(
        "LimitsExceeded",
        "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException",
        &partial.message,
        false,
    )
}

fn body(code: &str, exception: &str, message: &str, permanent: bool) -> Value {
    json!({"error": {
        "code": code, "message": "Request is invalid and cannot be executed.", "@type": exception,
        "@message": message, "@permanent": permanent,
    }})
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
