//! What only the portal needs: sign-in with a cookie, live events, onboarding, the query editor's questions, its own files.

mod editor;
mod events;
mod files;
mod onboarding;
mod preview;
mod script;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use editor::Desk;
pub(crate) use files::{send as send_file, serve};
pub(crate) use onboarding::direct_package;
pub use onboarding::{new_direct_token, new_token};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/portal/v1/signin", post(session::sign_in))
        .route("/portal/v1/signout", post(session::sign_out))
        .route("/portal/v1/session", get(session::show))
        .route("/portal/v1/events", get(events::events))
        .route("/portal/v1/onboarding", post(onboarding::create))
        .route("/portal/v1/query/call", post(editor::call))
        .route("/portal/v1/query/check", post(editor::check))
        .route("/portal/v1/query/colours", post(editor::colours))
        .route("/portal/v1/query/complete", post(editor::complete))
        .route("/portal/v1/query/format", post(editor::format))
        .route("/portal/v1/query/hover", post(editor::hover))
        .route("/portal/v1/transform/preview", post(preview::transform))
        .route("/portal/agent/bartizan-agent", get(files::agent_binary))
        .route("/portal/agent/ca.pem", get(files::certificate))
}
