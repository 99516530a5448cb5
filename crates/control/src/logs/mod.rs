//! The doors of the log store: queries out, rows in.

mod batch;
mod functions;
mod ingest;
mod metadata;
pub(crate) mod purge;
mod query;
mod upkeep;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::app::App;

pub use functions::SavedFunctions;
pub(crate) use functions::{SAVED_SEARCH_TYPE, follow_saved_functions};
pub(crate) use query::{check_workspace, columns};
pub(crate) use upkeep::write_notices;
pub(crate) use usage::meter;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/workspaces/{workspace}/query", get(query::get).post(query::post))
        .route("/v1/workspaces/{workspace}/metadata", get(metadata::metadata).post(metadata::metadata))
        .route("/v1/$batch", post(batch::batch))
        .route("/dataCollectionRules/{rule}/streams/{stream}", post(ingest::upload))
        .route("/datacollectionrules/{rule}/streams/{stream}", post(ingest::upload))
        // Bodies have their own bounds (`http::read_body`).
        .layer(DefaultBodyLimit::disable())
}
