//! Service principals at the doors of shippers, which know no OAuth: `Authorization: Basic` or `ApiKey` with
//! `base64(appId:password)`. It is the same secret that the token endpoint takes, and the same brake on guessing.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;
use http::request::Parts;

use crate::access::{Caller, PeerAddress, caller_of};
use crate::app::App;
use crate::http::{Failure, header as header_text};
use crate::identity::principal_by_secret;

/// A caller that may also come with its id and secret.
#[derive(Clone, Debug)]
pub(crate) struct KeyCaller(pub(crate) Caller);

impl FromRequestParts<Arc<App>> for KeyCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let authorization = header_text(&parts.headers, header::AUTHORIZATION.as_str());
        let Some(key) = key(authorization) else {
            return Caller::from_request_parts(parts, app).await.map(Self);
        };
        let from = PeerAddress::ip(&parts.extensions);
        app.throttle.check(from, app.clock.now())?;
        let decoded = STANDARD.decode(key).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let principal = match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((app_id, secret)) => principal_by_secret(app, app_id, secret).await?,
            None => None,
        };
        let Some(principal) = principal else {
            app.throttle.failed(from, app.clock.now());
            return Err(Failure::unauthenticated(
                "The appId or password of the service principal is wrong or has expired.",
            ));
        };
        Ok(Self(caller_of(principal, from.map(|ip| ip.to_string()))))
    }
}

/// What follows `Basic` or `ApiKey`.
fn key(authorization: &str) -> Option<&str> {
    let (scheme, key) = authorization.split_once(' ')?;
    ["basic", "apikey"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then(|| key.trim())
}
