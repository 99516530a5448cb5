//! Whose turn it is: of several servers on one database, one leads. It does the work that must be done once
//! (policy, posture, rules, metering, housekeeping) and keeps the logs; the others answer for the control plane
//! and wait to take over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Timespan};
use bartizan_records::RecordsError;

use crate::app::App;
use crate::http::Failure;

const LEASE: &str = "leader";
/// Where the leading server is reached.
const URL_STATE: &str = "leader_url";
/// A leader that is not heard of for this long has lost its turn.
pub const LEASE_TIME: Timespan = Timespan::from_seconds(30);

/// Whether this server leads.
#[derive(Debug, Default)]
pub(crate) struct Turn(AtomicBool);

impl App {
    /// Whether this server leads. The only server of a database always does.
    pub fn leads(&self) -> bool {
        self.turn.0.load(Ordering::Acquire)
    }

    /// Takes the lead when nobody has it, or keeps it. It lasts for [`LEASE_TIME`] from the call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_turn(&self) -> Result<bool, RecordsError> {
        let leads = !self.records.is_shared() || self.records.hold_lease(LEASE, LEASE_TIME).await?;
        if leads && !self.leads() {
            self.records.put_state(URL_STATE, self.public_url.as_str().into()).await?;
        }
        self.turn.0.store(leads, Ordering::Release);
        Ok(leads)
    }

    /// Stops leading; another server need not wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_turn(&self) -> Result<(), RecordsError> {
        if self.turn.0.swap(false, Ordering::AcqRel) && self.records.is_shared() {
            self.records.release_lease(LEASE).await?;
        }
        Ok(())
    }

    /// Refuses what only the leading server can do, because it has the logs.
    pub(crate) async fn must_lead(&self) -> Result<(), Failure> {
        if self.leads() {
            return Ok(());
        }
        let url = self.records.get_state(URL_STATE).await?;
        let place = url.as_ref().and_then(|url| url.as_str()).unwrap_or("not known yet");
        let message =
            format!("This server waits for its turn and has no logs. The leading one is {place}; ask there.");
        Err(Failure(ApiError::coded(ErrorKind::Unavailable, "NotTheLeader", message)))
    }
}

/// In front of the doors of logs.
pub(crate) async fn leading_only(
    State(app): State<Arc<App>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    match app.must_lead().await {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}
