//! Who makes a request: by access token, by portal cookie, or by client certificate, in this order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::{Actor, ActorKind, Agent, Principal, PrincipalKind, SecretKind};
use http::request::Parts;
use http::{Method, header};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::access::map::AccessMap;
use crate::app::App;
use crate::http::{Failure, header as header_text};
use crate::pki::PeerCertificate;

/// The portal's cookie. The prefix makes browsers insist on `Secure`, path `/` and no domain.
pub const SESSION_COOKIE: &str = "__Host-bartizan";

/// A page of another site cannot set this on a request to us without our consent, which we never give.
const CSRF_HEADER: &str = "x-bartizan-portal";

/// The other end of the connection, set by the listener.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

impl PeerAddress {
    /// The address in a request's extensions.
    pub(crate) fn ip(extensions: &http::Extensions) -> Option<std::net::IpAddr> {
        extensions.get::<Self>().map(|peer| peer.0.ip())
    }
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) kind: CallerKind,
    /// The same, as records and `AzureActivity` name it.
    pub(crate) actor: Actor,
    look: FirstLook,
}

/// What decides access, and when it was looked up.
type Look = (Arc<AccessMap>, Instant);

/// What decides access, as it was looked up together with who calls: good for the request's first decision if that
/// follows at once. What a request does may change access, so its later decisions look again.
#[derive(Clone, Debug, Default)]
struct FirstLook(Arc<Mutex<Option<Look>>>);

/// How old a first look may be.
const LOOK_TIME: Duration = Duration::from_millis(250);

impl FirstLook {
    fn of(map: Arc<AccessMap>) -> Self {
        Self(Arc::new(Mutex::new(Some((map, Instant::now())))))
    }
}

/// What kind of caller.
#[derive(Clone, Debug)]
pub(crate) enum CallerKind {
    Principal(Principal),
    Agent { agent: Agent, serial: String },
}

impl Caller {
    /// The access map that was looked up with this caller, once and not for long.
    pub(super) fn take_look(&self) -> Option<Arc<AccessMap>> {
        let (map, since) = self.look.0.lock().take()?;
        (since.elapsed() < LOOK_TIME).then_some(map)
    }

    /// Whether the caller was looked up a moment ago, and nothing has been decided by that yet.
    pub(crate) fn has_look(&self) -> bool {
        self.look.0.lock().as_ref().is_some_and(|(_, since)| since.elapsed() < LOOK_TIME)
    }

    /// The principal, for doors that agents may not use.
    pub(crate) fn principal(&self) -> Result<&Principal, Failure> {
        match &self.kind {
            CallerKind::Principal(principal) => Ok(principal),
            CallerKind::Agent { .. } => Err(Failure(ApiError::new(
                ErrorKind::Forbidden,
                "A machine's certificate does not open this door.",
            ))),
        }
    }

    /// The agent, for doors that only agents use.
    pub(crate) fn agent(&self) -> Result<(&Agent, &str), Failure> {
        match &self.kind {
            CallerKind::Agent { agent, serial } => Ok((agent, serial)),
            CallerKind::Principal(_) => Err(Failure(ApiError::new(
                ErrorKind::Forbidden,
                "This door is opened by a machine's certificate only.",
            ))),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Failure;

    /// Its steps are apart: what a request is while it waits, for minutes where agents poll, has no room in it for them.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let ip = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip().to_string());
        let authorization = header_text(&parts.headers, header::AUTHORIZATION.as_str());
        if !authorization.is_empty() {
            let token = bearer(authorization).ok_or_else(|| {
                Failure::unauthenticated("The Authorization header must be `Bearer` and an access token.")
            })?;
            let claims = app.issuer.check(token, app.clock.now()).map_err(|why| {
                Failure(ApiError::coded(
                    ErrorKind::Unauthenticated,
                    "InvalidAuthenticationToken",
                    format!("Access refused: {why}."),
                ))
            })?;
            return Box::pin(of_principal(app, &claims.oid, Some(claims.iat), ip)).await;
        }
        if let Some(cookie) = session_cookie(&parts.headers) {
            let secret = Box::pin(app.records.see_secret(SecretKind::Session, cookie)).await?;
            let Some(secret) = secret else {
                return Err(Failure::unauthenticated("The session has ended; sign in again."));
            };
            let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
            if !safe && header_text(&parts.headers, CSRF_HEADER) != "1" {
                return Err(Failure(ApiError::coded(
                    ErrorKind::Forbidden,
                    "CsrfHeaderMissing",
                    format!("A request with the portal's cookie must have the header `{CSRF_HEADER}: 1`."),
                )));
            }
            return Box::pin(of_principal(app, &secret.subject, None, ip)).await;
        }
        if let Some(peer) = parts.extensions.get::<PeerCertificate>() {
            return Box::pin(of_agent(app, peer, ip)).await;
        }
        Err(Failure::unauthenticated(
            "Sign in first: a bearer token, a portal session or a machine's certificate is needed.",
        ))
    }
}

/// The agent whose certificate came with the request, whoever else the request says it is; `None` without a certificate
/// that is good.
pub(crate) async fn agent_beside(parts: &Parts, app: &App) -> Option<Agent> {
    let peer = parts.extensions.get::<PeerCertificate>()?;
    match of_agent(app, peer, None).await.ok()?.kind {
        CallerKind::Agent { agent, .. } => Some(agent),
        CallerKind::Principal(_) => None,
    }
}

/// The token of an Authorization header.
pub(crate) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of the portal's cookie.
pub(crate) fn session_cookie(headers: &http::HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(value)
    })
}

/// `issued` is when the caller's token was made, in seconds of Unix time.
async fn of_principal(
    app: &App,
    object_id: &str,
    issued: Option<i64>,
    ip: Option<String>,
) -> Result<Caller, Failure> {
    let object_id = Uuid::parse_str(object_id).unwrap_or_default();
    // Looked up each time, so that a principal that was removed is out at once.
    let (principal, access) = app.records.principal_and_access(object_id).await?;
    let Some(principal) = principal else {
        return Err(Failure::unauthenticated("The account does not exist any more."));
    };
    if principal.disabled {
        return Err(Failure::unauthenticated("The account is disabled."));
    }
    if issued.is_some_and(|issued| issued < principal.tokens_from.unix_seconds()) {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "InvalidAuthenticationToken",
            "Access refused: the access token was withdrawn; sign in again.",
        )));
    }
    let map = AccessMap::at(&app.records, access).await?;
    Ok(Caller { look: FirstLook::of(map), ..caller_of(principal, ip) })
}

/// The caller that a principal is.
pub(crate) fn caller_of(principal: Principal, ip: Option<String>) -> Caller {
    let kind = match principal.kind {
        PrincipalKind::User => ActorKind::User,
        PrincipalKind::ServicePrincipal => ActorKind::Application,
    };
    let actor = Actor { name: principal.name.clone(), object_id: principal.object_id, kind, ip };
    Caller { kind: CallerKind::Principal(principal), actor, look: FirstLook::default() }
}

async fn of_agent(app: &App, peer: &PeerCertificate, ip: Option<String>) -> Result<Caller, Failure> {
    if peer.ends <= app.clock.now() {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "MachineCertificateExpired",
            "The machine's certificate has expired; connect the machine again.",
        )));
    }
    let agent = app.records.agent(peer.vm_id).await?.filter(|agent| agent.has_serial(&peer.serial));
    let Some(agent) = agent else {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "MachineNotEnrolled",
            "The machine's certificate was replaced or its machine removed; connect the machine again.",
        )));
    };
    let actor =
        Actor { name: agent.machine.name().to_owned(), object_id: agent.vm_id, kind: ActorKind::Agent, ip };
    let kind = CallerKind::Agent { agent, serial: peer.serial.clone() };
    Ok(Caller { kind, actor, look: FirstLook::default() })
}
