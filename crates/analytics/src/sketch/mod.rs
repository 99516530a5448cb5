//! Sketches: small summaries of many values that can be merged. [`Hll`] counts distinct values, [`TDigest`]
//! knows percentiles. Both are exact while the set is small, so that the numbers of an ordinary incident
//! can be checked by hand.

mod hash;
mod hll;
mod intersect;
mod tdigest;

pub use hash::{hash_bytes, hash_padded, hash_u64};
pub use hll::Hll;
pub use intersect::intersection;
pub use tdigest::{Centroid, TDigest};
