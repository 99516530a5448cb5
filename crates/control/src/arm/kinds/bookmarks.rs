//! Bookmarks: rows that a hunter wants to come back to, with the query that found them.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Ticks};
use serde_json::Value;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::people;
use crate::http::Failure;

pub(crate) const BOOKMARK_TYPE: &str = "Microsoft.SecurityInsights/bookmarks";
/// Longest query and result of one bookmark, in bytes.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// Bookmarks of one workspace.
const BOOKMARKS_MAX: usize = 5_000;

pub(super) struct Bookmarks;

#[async_trait]
impl Kind for Bookmarks {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        for name in ["displayName", "query"] {
            if draft.text(name).trim().is_empty() {
                let text = format!("a bookmark needs a `{name}`");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        for name in ["query", "queryResult", "notes"] {
            let value = draft.property(name);
            if !value.is_null() && value.as_str().is_none_or(|text| text.len() > TEXT_BYTES_MAX) {
                let text = format!("`{name}` is text of at most {TEXT_BYTES_MAX} bytes");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        let labels = draft.property("labels");
        let texts = labels.as_array().is_some_and(|labels| labels.iter().all(Value::is_string));
        if !labels.is_null() && !texts {
            return Err(ApiError::field("properties.labels", "`labels` is a list of texts").into());
        }
        for name in ["eventTime", "queryStartTime", "queryEndTime"] {
            let time = draft.property(name);
            if !time.is_null() && time.as_str().is_none_or(|text| Ticks::parse(text).is_err()) {
                let text = format!("`{name}` must be a date and time");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        if draft.before.is_none()
            && app.records.list_all(&app.home.workspace, BOOKMARK_TYPE).await?.len() >= BOOKMARKS_MAX
        {
            let text = format!("A workspace has at most {BOOKMARKS_MAX} bookmarks; delete some.");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        people::stamp(app, draft);
        Ok(())
    }
}
