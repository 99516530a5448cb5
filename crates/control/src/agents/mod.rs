//! The agent door, `/agent/v1/*`: enrolment with a token, everything else with a client certificate.
//!
//! A certificate speaks for one machine, named by its `vmId`; nothing in a body can make it another.

mod desired;
mod enrol;
pub(crate) mod guest_configuration;
mod heard;
mod hub;
mod location;
mod packages;
mod presence;
mod renew;
mod report;
mod resource;
mod together;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use heard::{LastHeard, write_last_heard};
pub(crate) use hub::{DesiredHub, wake_on_changes};
pub(crate) use location::country_name;
pub(crate) use presence::watch_presence;
pub use presence::{SILENCE, SILENCE_LONGEST, SILENCE_SHORTEST};
pub(crate) use report::Reports;

use crate::app::App;
use crate::test_alerts;

/// Largest JSON body of an agent: evidence of a machine with some ten thousand packages.
const AGENT_BODY_MAX: usize = 8 << 20;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/agent/v1/enrol", post(enrol::enrol))
        .route("/agent/v1/renew", post(renew::renew))
        .route("/agent/v1/desired", get(desired::desired))
        .route("/agent/v1/status", post(report::status))
        .route("/agent/v1/evidence", post(report::evidence))
        .route("/agent/v1/packages/{version}/{platform}/{number}", get(packages::file))
        .route("/agent/v1/test-alerts", post(test_alerts::agent_start))
        .route("/agent/v1/test-alerts/latest", get(test_alerts::agent_latest))
        .route("/agent/v1/test-alerts/started", post(test_alerts::agent_started))
        .route("/agent/v1/disconnect", post(report::disconnect))
}
