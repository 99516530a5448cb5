//! Saved Resource Graph queries (`Microsoft.ResourceGraph/queries`).

use async_trait::async_trait;
use bartizan_api::ApiError;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;

/// Longest query that can be saved, in bytes.
const QUERY_BYTES_MAX: usize = 256 << 10;

pub(super) struct GraphQueries;

#[async_trait]
impl Kind for GraphQueries {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let query = draft.text("query");
        if query.trim().is_empty() || query.len() > QUERY_BYTES_MAX {
            let text = format!("a saved query needs a `query` of at most {QUERY_BYTES_MAX} bytes");
            return Err(ApiError::field("properties.query", text).into());
        }
        let description = draft.property("description");
        if !description.is_null() && description.as_str().is_none_or(|text| text.len() > QUERY_BYTES_MAX) {
            return Err(ApiError::field("properties.description", "`description` is text").into());
        }
        draft.set("resultKind", "basic");
        draft.set("timeModified", app.clock.now().to_string());
        Ok(())
    }
}
