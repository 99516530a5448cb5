//! The outside world of a conformance run: every address holds an empty file, as every table is empty.

use async_trait::async_trait;
use bartizan_engine::Fetch;

/// An empty file, packed by gzip (RFC 1952: header, one empty block, checksum and length of nothing).
const EMPTY_GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[derive(Debug)]
pub(crate) struct Nowhere;

#[async_trait]
impl Fetch for Nowhere {
    async fn fetch(&self, uri: &str, _bytes_max: u64) -> Result<Vec<u8>, String> {
        let path = uri.split(['?', ';']).next().unwrap_or(uri);
        Ok(if path.ends_with(".gz") { EMPTY_GZIP.to_vec() } else { Vec::new() })
    }
}
