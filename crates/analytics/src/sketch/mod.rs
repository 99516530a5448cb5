//! Mergeable summaries of many values: HyperLogLog, t-digest.
