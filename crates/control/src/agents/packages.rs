//! `GET /agent/v1/packages/{version}/{platform}/{number}`: one file of a package, for machines only.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use bartizan_api::ApiError;

use crate::access::Caller;
use crate::app::App;
use crate::http::Failure;
use crate::packages;
use crate::portal::send_file;

pub(super) async fn file(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((version, platform, number)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    caller.agent()?;
    match packages::file(&app.pki.dir, &version, &platform, &number) {
        Some(path) => send_file(&path, "no-store").await,
        None => {
            let text = format!("the package {version:.60} for {platform:.60}, file {number:.10}");
            Err(ApiError::not_found(&text).into())
        }
    }
}
