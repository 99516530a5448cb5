//! What all doors share: errors as answers, bounded bodies, request headers.

mod body;
mod failure;
mod headers;
mod rest;

pub(crate) use body::{INCOMPLETE_BODY, read_body, read_json};
pub(crate) use failure::{Failure, chain};
pub(crate) use headers::{base_url, header, query_pairs, query_value};
pub(crate) use rest::take_rest;
