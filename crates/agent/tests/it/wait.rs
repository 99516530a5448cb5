//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::Duration;

/// Long enough for a loaded build machine; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Returns when `condition` holds.
///
/// # Panics
/// When it does not hold in time.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
