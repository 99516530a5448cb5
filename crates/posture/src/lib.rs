//! Security posture: what is right and wrong on every machine, and one number for it.
//!
//! Assessments are content (`content/assessments`): what they are about, how to fix what they find, and a
//! declarative decision over facts. The evaluator decides them again within a second of any change of the
//! facts, writes `Microsoft.Security/assessments` resources and computes the secure score.
//!
//! Absent on purpose: gathering evidence (the agent's) and serving it (`control`'s).

#![forbid(unsafe_code)]

pub mod assessment;
pub mod catalog;
pub mod condition;
mod evaluator;
mod outbox;
pub mod path;
pub mod rows;
pub mod score;
mod subject;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use catalog::catalog;
pub use evaluator::{ASSESSMENT_TYPE, Evaluator, PostureContext};

/// A running evaluator; it stops when the handle is dropped or its context's token is cancelled.
#[derive(Debug)]
pub struct PostureHandle {
    task: JoinHandle<()>,
    stop: DropGuard,
}

impl PostureHandle {
    /// Stops the evaluator and waits for the write it may be in the middle of.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(error = &error as &dyn std::error::Error, "posture task ended badly");
        }
    }
}

/// Starts the evaluator over the shipped catalog.
pub fn start(ctx: PostureContext) -> PostureHandle {
    let stop: CancellationToken = ctx.stop.child_token();
    let ctx = PostureContext { stop: stop.clone(), ..ctx };
    let task = tokio::spawn(Evaluator::new(ctx, catalog()).run());
    PostureHandle { task, stop: stop.drop_guard() }
}

/// Every `Microsoft.Security/assessmentMetadata` object, served below `/providers` and below subscriptions.
pub fn metadata() -> Vec<Value> {
    catalog().assessments.iter().map(assessment::Assessment::metadata_resource).collect()
}

/// Every `Microsoft.Security/secureScoreControlDefinitions` object.
pub fn control_definitions() -> Vec<Value> {
    let catalog = catalog();
    catalog.controls.iter().map(|control| catalog.control_definition(control)).collect()
}
