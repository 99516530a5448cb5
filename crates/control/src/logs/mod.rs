//! The doors of the log store: queries out, rows in.

mod batch;
mod coverage;
pub(crate) mod daily_cap;
pub(crate) mod destination;
mod dynamics;
mod elastic;
pub(crate) mod export;
mod functions;
mod ingest;
pub(crate) mod intake;
mod kusto;
mod machine_rules;
mod metadata;
mod notes;
mod otlp;
mod own_table;
pub(crate) mod purge;
mod query;
mod query_record;
mod reading;
pub(crate) mod rule;
pub(crate) mod subscription_workspace;
mod upkeep;
mod usage;
mod watchlist_rows;
pub(crate) mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use daily_cap::DailyCap;
pub use daily_cap::follow_daily_cap;
pub use export::{ExportBucket, ExportOptions};
pub use functions::SavedFunctions;
pub(crate) use functions::{SAVED_SEARCH_TYPE, follow_saved_functions};
pub(crate) use ingest::UPLOAD_MAX;
pub use intake::store_from_listener;
pub(crate) use notes::{IngestionNotes, write_notes};
pub(crate) use query::{columns, find_workspace, position};
pub(crate) use query_record::{QueryRecords, write_query_records};
pub(crate) use reading::{READ_ACTION, reach_of};
pub(crate) use upkeep::write_notices;
pub(crate) use usage::meter;
pub use usage::write_usage;
pub(crate) use workspaces::{WORKSPACE_TYPE, Workspace, Workspaces, sweep_workspaces};

/// The data action that Monitoring Metrics Publisher has.
pub(crate) const WRITE_ACTION: &str = "Microsoft.Insights/Telemetry/Write";
/// Written by the server only: what they say is relied upon as the server's own word.
pub(crate) const SERVER_TABLES: [&str; 11] = [
    "AzureActivity",
    "LAQueryLogs",
    "Operation",
    "SecureScoreControls",
    "SecureScores",
    "SecurityAlert",
    "SecurityIncident",
    "SecurityRecommendation",
    "SentinelAudit",
    "SentinelHealth",
    "Usage",
];

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/workspaces/{workspace}/query", get(query::get).post(query::post))
        .route("/v1/subscriptions/{*resource}", get(query::get_of_resource).post(query::post_of_resource))
        // Azure's client for Node.js joins an id to a path with one slash too many.
        .route("/v1//subscriptions/{*resource}", get(query::get_of_resource).post(query::post_of_resource))
        .route("/v1/workspaces/{workspace}/metadata", get(metadata::metadata).post(metadata::metadata))
        .route("/v1/$batch", post(batch::batch))
        .route("/dataCollectionRules/{rule}/streams/{stream}", post(ingest::upload))
        .route("/datacollectionrules/{rule}/streams/{stream}", post(ingest::upload))
        .merge(elastic::routes())
        .merge(kusto::routes())
        .merge(otlp::routes())
        // Bodies have their own bounds (`http::read_body`).
        .layer(DefaultBodyLimit::disable())
}
