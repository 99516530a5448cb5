//! Paths and components of directed graphs.
