//! Server-sent events: which resources changed and which tables got rows, so that pages stay current.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use bartizan_records::{Change, ChangeOp};
use futures::{Stream, StreamExt};
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::access::Caller;
use crate::app::App;
use crate::arm::Sight;
use crate::http::Failure;

const HEARTBEAT: Duration = Duration::from_secs(15);
/// A stream ends this soon after its session, its token or its reader's role did.
const CHECK_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn events(
    State(app): State<Arc<App>>,
    mut parts: Parts,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    allowed(&app, &mut parts).await?;
    // What the caller may see is decided for each change: roles come and go while the stream is open.
    let reader = Caller::from_request_parts(&mut parts, &app).await?;
    let seen_by = Arc::clone(&app);
    let changes = app.records.subscribe().into_stream().filter_map(move |change| {
        let (app, reader) = (Arc::clone(&seen_by), reader.clone());
        async move {
            match change {
                Some(change) => shown(&app, &reader, &change).await,
                None => Some(missed()),
            }
        }
    });
    let rows = BroadcastStream::new(app.store.subscribe()).map(|appended| match appended {
        Ok(appended) => {
            let data = json!({"table": appended.table.as_ref(), "rows": appended.rows});
            Event::default().event("rows").data(data.to_string())
        }
        Err(BroadcastStreamRecvError::Lagged(_)) => missed(),
    });
    let ended = async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = app.stop.cancelled() => return,
            }
            if allowed(&app, &mut parts).await.is_err() {
                return;
            }
        }
    };
    let stream = futures::stream::select(changes, rows).take_until(ended).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("")))
}

/// Whether the request's credentials still open this stream: who may read resources anywhere hears of those.
async fn allowed(app: &Arc<App>, parts: &mut Parts) -> Result<(), Failure> {
    const ACTION: &str = "Microsoft.Resources/subscriptions/resources/read";
    let caller = Caller::from_request_parts(parts, app).await?;
    if Sight::of(app, &caller).await?.scopes(ACTION).is_empty() {
        return Err(Failure::forbidden(&caller.actor.name, ACTION, "/"));
    }
    Ok(())
}

/// A change as the page hears of it, when its reader may read what changed.
async fn shown(app: &App, reader: &Caller, change: &Change) -> Option<Event> {
    let key = change.resource_type.to_ascii_lowercase();
    let mut sight = Sight::of(app, reader).await.ok()?;
    if !sight.sees(&change.id, &key) {
        return None;
    }
    let op = match change.op {
        ChangeOp::Put => "put",
        ChangeOp::Delete => "delete",
    };
    let data = json!({"id": change.id, "type": change.resource_type, "op": op});
    Some(Event::default().event("resource").data(data.to_string()))
}

/// The page fell behind and must load again.
fn missed() -> Event {
    Event::default().event("missed").data("{}")
}
