//! Process-wide counters for things worth counting: accepted, refused and dropped work, with the reason.
//!
//! A counter is named `bartizan_<subsystem>_<noun>_total` and may carry one bounded label. The registry is
//! read by the metrics endpoint and by heartbeats; it is never a place to keep per-host or per-user values.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use parking_lot::Mutex;

/// Labels kept per counter; more are added up under `other`, so that hostile input cannot grow the map.
const LABELS_MAX: usize = 64;

type Table = BTreeMap<&'static str, BTreeMap<String, u64>>;

static COUNTERS: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

/// Adds `by` to the counter `name` under `label` (use `""` for none).
pub fn count(name: &'static str, label: &str, by: u64) {
    let mut table = COUNTERS.lock();
    let labels = table.entry(name).or_default();
    if let Some(value) = labels.get_mut(label) {
        *value += by;
        return;
    }
    let label = if labels.len() < LABELS_MAX { label } else { "other" };
    *labels.entry(label.to_owned()).or_default() += by;
}

/// Every counter with its labels, in name order.
pub fn snapshot() -> Vec<(&'static str, String, u64)> {
    let table = COUNTERS.lock();
    table
        .iter()
        .flat_map(|(name, labels)| labels.iter().map(|(label, value)| (*name, label.clone(), *value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        for n in 0..(LABELS_MAX * 2) {
            count("bartizan_test_labels_total", &n.to_string(), 1);
        }
        let mine: Vec<_> =
            snapshot().into_iter().filter(|(name, ..)| *name == "bartizan_test_labels_total").collect();
        assert_eq!(mine.len(), LABELS_MAX + 1);
        assert_eq!(mine.iter().map(|(_, _, value)| value).sum::<u64>(), (LABELS_MAX * 2) as u64);
    }
}
