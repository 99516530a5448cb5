//! Lists of resources, in id order, page by page.

use bartizan_base::ResourceId;

use crate::database::Records;
use crate::error::RecordsError;
use crate::resources::{Resource, Row, below, from_row};

/// Rows read at once by [`Records::list_all`].
const PAGE: u32 = 1000;

/// What to list.
#[derive(Clone, Debug)]
pub struct ListQuery<'a> {
    /// Only what lies below this id. [`ListQuery::tenant`] is everything.
    pub scope: ResourceId,
    /// Only this type, in any case.
    pub resource_type: Option<&'a str>,
    /// Only what has the scope itself as parent.
    pub direct: bool,
    /// The `next` of the page before.
    pub after: Option<String>,
    pub limit: u32,
}

impl<'a> ListQuery<'a> {
    /// Everything of one type below `scope`.
    pub fn of_type(scope: ResourceId, resource_type: &'a str) -> Self {
        Self { scope, resource_type: Some(resource_type), direct: false, after: None, limit: PAGE }
    }

    /// The scope above all subscriptions.
    pub fn tenant() -> ResourceId {
        ResourceId::parse("/").expect("the root parses")
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub items: Vec<Resource>,
    /// To be given as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

impl Records {
    /// One page of resources.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, query: ListQuery<'_>) -> Result<Page, RecordsError> {
        let (from, to) = below(&query.scope);
        let from = query.after.filter(|after| *after > from).unwrap_or(from);
        let type_key = query.resource_type.map(str::to_ascii_lowercase);
        // Three statements, so that each finds its index.
        let statement = match (&type_key, query.direct) {
            (_, true) => {
                "SELECT id, type, etag, body, created, modified FROM resources
                 WHERE parent_key = $5 AND key > $1 AND key < $2 AND ($3 IS NULL OR type_key = $3)
                 ORDER BY key LIMIT $4"
            }
            (Some(_), false) => {
                "SELECT id, type, etag, body, created, modified FROM resources
                 WHERE type_key = $3 AND key > $1 AND key < $2 AND $5 IS NOT NULL ORDER BY key LIMIT $4"
            }
            (None, false) => {
                "SELECT id, type, etag, body, created, modified FROM resources
                 WHERE key > $1 AND key < $2 AND $3 IS NULL AND $5 IS NOT NULL ORDER BY key LIMIT $4"
            }
        };
        let rows: Vec<Row> = sqlx::query_as(statement)
            .bind(&from)
            .bind(&to)
            .bind(&type_key)
            .bind(i64::from(query.limit) + 1)
            .bind(query.scope.key())
            .fetch_all(&self.pool)
            .await?;
        let more = rows.len() > query.limit as usize;
        let items = rows
            .into_iter()
            .take(query.limit as usize)
            .map(from_row)
            .collect::<Result<Vec<_>, RecordsError>>()?;
        let next = if more { items.last().map(|item| item.id.key().to_owned()) } else { None };
        Ok(Page { items, next })
    }

    /// How many resources of one type lie below `scope`. An index answers it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(&self, scope: &ResourceId, resource_type: &str) -> Result<u64, RecordsError> {
        let (from, to) = below(scope);
        let sql = "SELECT COUNT(*) FROM resources WHERE type_key = $3 AND key > $1 AND key < $2";
        let count: i64 = sqlx::query_scalar(sql)
            .bind(from)
            .bind(to)
            .bind(resource_type.to_ascii_lowercase())
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// All pages of one type below `scope`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_all(
        &self,
        scope: &ResourceId,
        resource_type: &str,
    ) -> Result<Vec<Resource>, RecordsError> {
        let mut out = Vec::new();
        let mut after = None;
        loop {
            let page =
                self.list(ListQuery { after, ..ListQuery::of_type(scope.clone(), resource_type) }).await?;
            out.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(out),
            }
        }
    }
}
