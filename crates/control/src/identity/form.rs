//! Forms of OAuth: each field once (RFC 6749, section 3.2).

use std::collections::BTreeMap;

use axum::body::Body;
use bartizan_api::ApiError;
use http::HeaderMap;

use crate::http::{Failure, read_body};

const BYTES_MAX: usize = 64 << 10;

/// Fields of a form or a query string.
#[derive(Clone, Default)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let mut out = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            if let Some(before) = out.insert(name.into_owned(), value.into_owned())
                && !before.is_empty()
            {
                return Err(ApiError::coded(
                    bartizan_base::ErrorKind::Invalid,
                    "invalid_request",
                    "A field of the form is there twice.",
                )
                .into());
            }
        }
        Ok(Self(out))
    }

    /// A field's text, empty when absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Sets a field.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

/// Reads a form out of a request's body.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Form, Failure> {
    Form::parse(&read_body(headers, body, BYTES_MAX).await?)
}
