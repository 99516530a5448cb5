//! What one query may use: time, memory, result rows and bytes; and the threads that queries run on.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{EngineError, QueryError};

/// Stack of a query thread: plans are trees, walked by recursion, and KQL lets them be a few hundred deep.
const STACK_BYTES: usize = 32 << 20;

/// Limits of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    pub timeout: Duration,
    /// Rows of the result; more are cut off and reported as [`Partial`].
    pub rows: u64,
    /// Bytes of the result in memory; more are cut off likewise.
    pub bytes: u64,
}

impl Default for QueryLimits {
    /// The service's own: three minutes, 500,000 rows, 64 MB.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(180), rows: 500_000, bytes: 64 << 20 }
    }
}

/// Why a result is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    pub code: &'static str,
    pub message: String,
}

/// Threads of their own for queries, so that a heavy one never starves the server.
#[derive(Debug)]
pub(crate) struct QueryThreads {
    runtime: Option<Runtime>,
    /// Queries whose work has not ended.
    running: watch::Sender<usize>,
}

impl QueryThreads {
    pub(crate) fn start(threads: usize) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(EngineError::Threads)?;
        Ok(Self { runtime: Some(runtime), running: watch::Sender::new(0) })
    }

    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    pub(crate) async fn idle(&self) {
        // fails only without a sender, and that is here
        let mut seen = self.running.subscribe();
        let _ended = seen.wait_for(|running| *running == 0).await;
    }

    /// Runs `work` there. Dropping the returned future cancels it; a panic becomes an error; after `timeout`
    /// it is stopped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let Some(runtime) = &self.runtime else {
            return Err(QueryError::Internal("the engine is shutting down".to_owned()));
        };
        let running = Running::new(self.running.clone());
        let work = async move {
            let result = work.await;
            drop(running);
            result
        };
        let guarded = AssertUnwindSafe(work).catch_unwind();
        let mut task = CancelOnDrop(runtime.spawn(guarded));
        match tokio::time::timeout(timeout, &mut task.0).await {
            Ok(Ok(Ok(result))) => result,
            Ok(Ok(Err(panic))) => Err(QueryError::Internal(panic_text(panic.as_ref()))),
            Ok(Err(error)) => Err(QueryError::Internal(error.to_string())),
            Err(_) => Err(QueryError::Timeout { limit: timeout }),
        }
    }
}

impl Drop for QueryThreads {
    fn drop(&mut self) {
        // A runtime may not be dropped from async code the ordinary way.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Counts a query until its work ends, also when it is dropped on the way.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(count: watch::Sender<usize>) -> Self {
        count.send_modify(|running| *running += 1);
        Self(count)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

struct CancelOnDrop<T>(JoinHandle<T>);

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a query panicked: {}", text.unwrap_or_default())
}
