//! Kernels of KQL functions, by family. What DataFusion computes the same way has none.

pub(crate) mod bin;
pub(crate) mod comparison;
pub(crate) mod convert;
pub(crate) mod decimal;
pub(crate) mod dynamic;
pub(crate) mod encoding;
mod geo;
mod hash;
pub(crate) mod kernel;
mod network;
pub(crate) mod numeric;
pub(crate) mod pinned;
mod random;
pub(crate) mod registry;
pub(crate) mod sequential;
mod series;
pub(crate) mod sketch;
mod system;
pub(crate) mod text;
mod time;
