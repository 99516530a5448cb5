//! What the sensor counts. The names are part of the status report.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $name:literal,)*) => {
        /// All counters since the sensor started; the last ones are present levels.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $field: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> BTreeMap<String, u64> {
                BTreeMap::from([$(($name.to_owned(), self.$field.load(Ordering::Relaxed)),)*])
            }
        }
    };
}

counters! {
    /// Events handed to the queue.
    events => "events",
    /// Observations read from the source, forks included.
    observed => "observed",
    /// Executions the kernel could not hand over.
    lost_exec => "lostExec",
    lost_fork => "lostFork",
    lost_exit => "lostExit",
    /// Records that made no sense.
    malformed => "malformed",
    /// Times the kernel dropped an unknown number of messages (tiers other than eBPF).
    overruns => "overruns",
    /// Events thrown away because nobody read the queue.
    queue_dropped => "queueDropped",
    /// Executions without their arguments.
    arguments_missing => "argumentsMissing",
    /// Images hashed.
    hashed => "hashed",
    /// Images not hashed: too large, gone, changed meanwhile, or too many at once.
    hash_skipped => "hashSkipped",
    /// Events sent before their hash was ready.
    hash_late => "hashLate",
    /// Living processes forgotten because the table was full.
    table_evicted => "tableEvicted",
    table_entries => "tableEntries",
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

pub(crate) fn set(counter: &AtomicU64, value: u64) {
    counter.store(value, Ordering::Relaxed);
}
