//! Kernels of KQL functions, by family. What DataFusion computes the same way has none.

pub(crate) mod bin;
pub(crate) mod comparison;
pub(crate) mod convert;
pub(crate) mod dynamic;
mod hash;
pub(crate) mod kernel;
mod network;
pub(crate) mod numeric;
pub(crate) mod registry;
pub(crate) mod sketch;
pub(crate) mod text;
mod time;
