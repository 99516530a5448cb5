//! A new certificate before the old one ends.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_wire::{RenewRequest, RenewResponse};
use http::HeaderMap;

use crate::access::Caller;
use crate::agents::AGENT_BODY_MAX;
use crate::app::App;
use crate::http::{Failure, read_json};

pub(super) async fn renew(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RenewResponse>, Failure> {
    let (agent, used_serial) = caller.agent()?;
    let request: RenewRequest = read_json(&headers, body, AGENT_BODY_MAX).await?;
    let certificate = app.pki.agents.issue(&request.csr, agent.vm_id, app.clock.now())?;
    app.records.renew_agent(agent.vm_id, used_serial, &certificate.serial).await?;
    Ok(Json(RenewResponse { certificate: certificate.pem, certificate_expires: certificate.expires }))
}
