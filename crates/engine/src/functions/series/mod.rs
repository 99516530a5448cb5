//! Functions over series: dynamic arrays of numbers, mostly made by `make-series`.
//!
//! The algorithms are `bartizan_analytics::series`; here arrays are read and results written. Functions
//! with several result columns give an array with one element for each, which the binder takes apart.

pub(super) mod array;
pub(super) mod decompose;
pub(super) mod elementwise;
pub(super) mod fit;
pub(super) mod measure;
pub(super) mod shape;
