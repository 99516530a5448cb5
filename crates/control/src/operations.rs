//! Runs the operations that the records hold, step by step, from whatever step they had reached.

use std::sync::Arc;
use std::time::Duration;

use bartizan_records::{Operation, OperationState, RecordsError};

use crate::app::App;
use crate::http::chain;

/// How often operations are looked for when nobody wakes the task, such as those that another program started.
const IDLE: Duration = Duration::from_secs(5);
/// Pause after a failure, such as a full disk.
const RETRY: Duration = Duration::from_secs(2);
/// Steps of one operation before the next one gets its turn.
const STEPS: usize = 20;

/// Runs until `app.stop` is cancelled. What is under way then goes on with the next start.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        let pause = match round(&app).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(error) => {
                tracing::warn!(error = chain(&error), "an operation cannot go on; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.operations_wake.notified() => {}
            () = app.stop.cancelled() => return,
        }
    }
}

/// Some steps of each operation; whether there is more to do.
async fn round(app: &App) -> Result<bool, RecordsError> {
    let mut more = false;
    for operation in app.records.running_operations().await? {
        for _ in 0..STEPS {
            if app.stop.is_cancelled() {
                return Ok(false);
            }
            let done = app.records.step_operation(operation.id).await?;
            if done.state != OperationState::Running {
                ended(&done);
                break;
            }
        }
        more = true;
    }
    Ok(more)
}

fn ended(operation: &Operation) {
    let (id, scope, steps) = (operation.id, operation.scope.as_str(), operation.step);
    match operation.state {
        OperationState::Failed => {
            tracing::warn!(%id, scope, steps, error = operation.error, "an operation failed");
        }
        _ => tracing::info!(%id, scope, steps, "an operation ended"),
    }
}
