//! The built-in issuer: OIDC discovery, public keys, tokens by every grant, the pages people see on the way, and
//! who has accounts.

mod account;
mod assertion;
mod authorize;
mod browser;
mod device;
mod directory;
mod discovery;
mod form;
mod grants;
mod methods;
pub mod outside;
mod passwords;
mod programs;
pub mod service_principals;
mod signing_keys;
mod token;
mod totp;
pub mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use assertion::SeenAssertions;
pub use assertion::{CertificateError, add_certificate};
pub(crate) use browser::{by_link, clear_session, open_session, set_session};
pub(crate) use device::DeviceDesk;
pub(crate) use discovery::endpoints;
pub(crate) use grants::principal_by_secret;
pub use signing_keys::rotate_in;
pub(crate) use signing_keys::watch as watch_signing_keys;
pub use totp::code_at;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::configuration))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::configuration))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/instance", get(discovery::instance))
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::ask).post(authorize::decide))
        .route("/{tenant}/oauth2/authorize", get(authorize::ask).post(authorize::decide))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::start))
        .route("/{tenant}/oauth2/devicecode", post(device::start))
        .route("/{tenant}/oauth2/v2.0/token", post(token::token))
        .route("/{tenant}/oauth2/token", post(token::token))
        .route("/{tenant}/oauth2/v2.0/revoke", post(token::revoke))
        .route("/device", get(device::page).post(device::decide))
        .route(browser::SIGN_IN_PATH, get(browser::sign_in_page).post(browser::sign_in))
        .route("/portal/v1/account", get(account::show))
        .route("/portal/v1/account/password", post(account::password))
        .route("/portal/v1/account/totp", post(account::begin))
        .route("/portal/v1/account/totp/confirm", post(account::confirm))
        .route("/portal/v1/account/totp/remove", post(account::remove))
        .route("/portal/v1/account/signout", post(account::sign_out))
        .route("/portal/v1/signing-keys/rotate", post(signing_keys::rotate))
        .route("/metadata/endpoints", get(discovery::endpoints))
        .merge(directory::routes())
        .merge(methods::routes())
        .merge(outside::routes())
        .merge(programs::routes())
}
