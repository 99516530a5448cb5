//! The store's own chores: flushing what is large or old, merging, expiring. One task, woken by a full
//! buffer or by the tick, ended by `close` or when the last handle of the store goes.

use std::sync::Weak;
use std::time::Duration;

use bartizan_base::counters;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::StoreError;
use crate::store::Inner;

/// How often buffers are looked at. It bounds how much later than `flush_age` a flush may start.
const TICK: Duration = Duration::from_secs(1);
/// How long a failed flush waits. Every try encodes the buffer again.
const RETRY: Duration = Duration::from_secs(5);
/// Bytes of old files that a quiet second compares with their checksums: 4 TB in a week.
const SCRUB_BYTES: u64 = 8 << 20;
/// How often files are looked at for their age.
const EXPIRE: Duration = Duration::from_secs(600);

const FAILED: &str = "bartizan_store_chores_failed_total";

enum Event {
    BufferFull,
    Tick,
    Stop,
}

/// Runs the chores of a store until it closes.
pub(crate) async fn run(inner: Weak<Inner>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut flush_from = Instant::now();
    let mut expire_from = Instant::now();
    let mut publish_from = Instant::now();
    // Whether merges were put off because rows came too fast.
    let mut merges_owed = false;
    loop {
        let Some(shared) = inner.upgrade().map(|inner| inner.shared()) else { return };
        let event = tokio::select! {
            _ = stop.changed() => Event::Stop,
            () = shared.flush_due.notified() => Event::BufferFull,
            _ = ticks.tick() => Event::Tick,
        };
        drop(shared);
        let Some(inner) = inner.upgrade() else { return };
        let now = Instant::now();
        match event {
            Event::Stop => return,
            Event::BufferFull | Event::Tick if now < flush_from => {}
            Event::BufferFull | Event::Tick => match inner.flush_due().await {
                Ok(true) => {
                    merges_owed = inner.is_behind();
                    report("merge", inner.compact(merges_owed).await);
                }
                Ok(false) if merges_owed => {
                    merges_owed = false;
                    report("merge", inner.compact(false).await);
                }
                // A quiet second: look whether old files are still what was written.
                Ok(false) => report("check", inner.scrub(SCRUB_BYTES).await.map(drop)),
                Err(error) => {
                    flush_from = now + RETRY;
                    report("flush", Err(error));
                }
            },
        }
        report("sort", inner.merge_raw(false).await.map(drop));
        let interval = inner.shared().options.delta.as_ref().map(|delta| delta.interval);
        if let Some(interval) = interval.filter(|_| now >= publish_from) {
            publish_from = now + interval;
            report("publish", inner.publish().await);
        }
        report("purge", inner.run_purges().await);
        if now >= expire_from {
            expire_from = now + EXPIRE;
            report("expire", inner.expire().await);
        }
    }
}

fn report(chore: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        counters::count(FAILED, chore, 1);
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(chore, %error, cause, "chore of the log store failed and will be tried again");
    }
}
