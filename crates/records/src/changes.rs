//! The feed of committed changes: this process's own, and those of other servers on the same PostgreSQL.

use std::time::Duration;

use crate::database::Writing;
use bartizan_base::ResourceId;
use futures::Stream;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::error::RecordsError;
use crate::place::PostgresUrl;
use crate::resources::{Change, ChangeOp};

const CHANNEL: &str = "bartizan_changes";
/// Between tries to hear again.
const RETRY: Duration = Duration::from_secs(1);

/// What [`crate::Records::subscribe`] gives. It answers like a broadcast receiver: `Lagged` means that changes
/// were missed, because this listener was slow or because other servers could not be heard for a while.
#[derive(Debug)]
pub struct Changes(pub(crate) broadcast::Receiver<Option<Change>>);

impl Changes {
    /// The next change.
    ///
    /// # Errors
    /// `Lagged` when some were missed; `Closed` when there will be no more.
    pub async fn recv(&mut self) -> Result<Change, RecvError> {
        self.0.recv().await?.ok_or(RecvError::Lagged(1))
    }

    /// The next change, if it is there already.
    ///
    /// # Errors
    /// `Empty` when it is not, else as [`Self::recv`].
    pub fn try_recv(&mut self) -> Result<Change, TryRecvError> {
        self.0.try_recv()?.ok_or(TryRecvError::Lagged(1))
    }

    /// All changes to come; `None` stands for changes that were missed.
    pub fn into_stream(self) -> impl Stream<Item = Option<Change>> {
        futures::stream::unfold(self, |mut changes| async move {
            match changes.recv().await {
                Ok(change) => Some((Some(change), changes)),
                Err(RecvError::Lagged(_)) => Some((None, changes)),
                Err(RecvError::Closed) => None,
            }
        })
    }
}

/// A change as one server tells the others. Always fits: PostgreSQL takes notifications of up to 8,000 bytes,
/// and a resource id, which has its type in it, is at most 2,048 long.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    origin: Uuid,
    id: String,
    put: bool,
    system: bool,
    /// Where it is not what the id says: evidence is told under its machine's id.
    resource_type: Option<String>,
}

/// Tells other servers of a change, when the transaction commits.
pub(crate) async fn notify(tx: &mut Writing, change: &Change, origin: Uuid) -> Result<(), RecordsError> {
    let told = Told {
        origin,
        id: change.id.as_str().to_owned(),
        put: change.op == ChangeOp::Put,
        system: change.system,
        resource_type: (change.resource_type != change.id.resource_type())
            .then(|| change.resource_type.clone()),
    };
    let payload = serde_json::to_string(&told).expect("a change has only text keys");
    sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(payload).execute(&mut **tx).await?;
    Ok(())
}

/// Passes other servers' changes on until the task is aborted.
pub(crate) async fn listen(
    url: &PostgresUrl,
    changes: broadcast::Sender<Option<Change>>,
    origin: Uuid,
) -> Result<AbortHandle, RecordsError> {
    let mut listener = PgListener::connect(url.with_secrets()).await?;
    listener.listen(CHANNEL).await?;
    let task = tokio::spawn(async move {
        loop {
            let told = match listener.try_recv().await {
                Ok(Some(notification)) => serde_json::from_str::<Told>(notification.payload()).ok(),
                // The connection was lost and is there again: something may have been missed between.
                Ok(None) => None,
                Err(error) => {
                    tracing::warn!(%error, "changes of other servers cannot be heard");
                    tokio::time::sleep(RETRY).await;
                    None
                }
            };
            match told {
                Some(told) if told.origin == origin => {}
                told => drop(changes.send(told.and_then(change))),
            }
        }
    });
    Ok(task.abort_handle())
}

fn change(told: Told) -> Option<Change> {
    let id = ResourceId::parse(&told.id).ok()?;
    let resource_type = told.resource_type.unwrap_or_else(|| id.resource_type());
    let op = if told.put { ChangeOp::Put } else { ChangeOp::Delete };
    Some(Change { id, resource_type, op, system: told.system })
}
