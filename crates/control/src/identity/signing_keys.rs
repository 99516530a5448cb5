//! Replacing the key that signs tokens: by the calendar, on command, and when another program did it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use bartizan_base::{Ticks, Timespan};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Caller, SIGNED_SECONDS};
use crate::activity;
use crate::app::App;
use crate::http::{Failure, chain, read_json};
use crate::pki::{PkiError, Replaced, TokenKeys};

/// A key signs for this long.
const LIFE: Timespan = Timespan::from_seconds(90 * 86_400);
/// How often the files are looked at: the command line changes them too.
const LOOK: Duration = Duration::from_secs(2);
/// Where the records keep since when which key signs.
const STATE: &str = "identity/token-key";
const ACTION: &str = "Microsoft.Authorization/signingKeys/rotate/action";
const BODY_MAX: usize = 4096;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RotateBody {
    /// Refuses every token that was made so far, instead of letting them end.
    revoke: bool,
}

/// When a key that is replaced at `now` stops being believed.
fn believed_until(now: Ticks) -> Replaced {
    Replaced::BelievedUntil(now + Timespan::from_seconds(SIGNED_SECONDS))
}

/// `POST /portal/v1/signing-keys/rotate`.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let sent: RotateBody = read_json(&parts.headers, body, BODY_MAX).await?;
    let root = app.home.root_group();
    app.authorize(&caller, ACTION, &root).await?;
    let mut entry =
        activity::entry(&app, &caller, ACTION, root.as_str(), "Microsoft.Authorization/signingKeys");
    entry.before = Some(json!({"properties": {"keyId": app.issuer.key_id()}}));
    let now = app.clock.now();
    let replaced = if sent.revoke { Replaced::Withdrawn } else { believed_until(now) };
    use_keys(&app, &TokenKeys::rotate(&app.pki.dir, replaced, now)?)?;
    entry.after = Some(json!({"properties": {"keyId": app.issuer.key_id(), "revoke": sent.revoke}}));
    app.records.note(&entry).await?;
    Ok(Json(json!({"keyId": app.issuer.key_id(), "keys": app.issuer.keys()["keys"]})))
}

/// Follows the files and the calendar until the server stops.
pub(crate) async fn watch(app: Arc<App>) {
    loop {
        if let Err(error) = look(&app).await {
            tracing::warn!(error, "cannot look after the keys that sign tokens; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.stop.cancelled() => return,
        }
    }
}

async fn look(app: &App) -> Result<(), String> {
    let now = app.clock.now();
    let keys = TokenKeys::open(&app.pki.dir, now).map_err(|error| chain(&error))?;
    use_keys(app, &keys).map_err(|Failure(error)| error.message)?;
    let failed = |error: bartizan_records::RecordsError| chain(&error);
    let state = app.records.get_state(STATE).await.map_err(failed)?;
    let current = app.issuer.key_id();
    let since = state.filter(|state| state["keyId"] == *current).and_then(|state| state["since"].as_i64());
    match since.map(Ticks) {
        None => {
            let state = json!({"keyId": current, "since": now.0});
            app.records.put_state(STATE, state).await.map_err(failed)
        }
        Some(since) if now - since >= LIFE => {
            let keys =
                TokenKeys::rotate(&app.pki.dir, believed_until(now), now).map_err(|error| chain(&error))?;
            use_keys(app, &keys).map_err(|Failure(error)| error.message)?;
            tracing::info!(key = app.issuer.key_id(), "a new key signs tokens");
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn use_keys(app: &App, keys: &TokenKeys) -> Result<(), Failure> {
    app.issuer.use_keys(keys).map_err(|source| {
        tracing::error!(error = chain(&source), "cannot use the keys that sign tokens");
        let text = "The keys that sign tokens cannot be used; the server's log says why.";
        Failure(bartizan_api::ApiError::new(bartizan_base::ErrorKind::Internal, text))
    })
}

/// Puts a new key into use in a data folder, whose server may be running: it follows within seconds.
///
/// # Errors
/// When there are too many former keys, or the files cannot be read or written.
pub fn rotate_in(dir: &std::path::Path, revoke: bool, now: Ticks) -> Result<TokenKeys, PkiError> {
    TokenKeys::rotate(dir, if revoke { Replaced::Withdrawn } else { believed_until(now) }, now)
}
