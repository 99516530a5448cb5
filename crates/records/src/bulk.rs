//! Reads and writes of many resources at once, for tasks that look at all of them.

use std::collections::{BTreeSet, HashMap};

use bartizan_base::ResourceId;
use serde_json::{Value, json};
use sqlx::{Any, Executor};

use crate::activity::Activity;
use crate::actor::Actor;
use crate::database::{Records, Writing};
use crate::error::RecordsError;
use crate::place::Sql;
use crate::resources::{Change, Resource, Write, check, from_row, put, remove_tree};

/// A write that is made together with others, on behalf of a resource.
#[derive(Clone, Debug)]
pub struct BulkWrite {
    pub write: Write,
    /// The write is left out when this resource is gone: what was derived of it must not outlive it.
    pub of: ResourceId,
}

/// Writes that share their statements. What they read and write is in memory meanwhile.
const TOGETHER: usize = 256;

/// What is found for an asked key: the resource itself, or its children of a type. The empty text keeps SQLite from
/// looking through all resources of the type for each key, by an index that has them in the order that is asked for.
const SAME: &str = "found.key = asked.key";
const CHILD: &str = "found.parent_key = asked.key AND found.type_key || '' = $2";

/// The asked key, then a row of `resources`.
type OwnedRow = (String, String, String, String, String, i64, i64);

impl Records {
    /// Those of `ids` that exist, in id order. One statement, so the caller bounds how many it asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get_many(&self, ids: &[ResourceId]) -> Result<Vec<Resource>, RecordsError> {
        let found = self.joined(&self.pool, ids, "", SAME).await?;
        Ok(found.into_iter().map(|(_, resource)| resource).collect())
    }

    /// [`Self::get_many`] as it is in a transaction.
    pub(crate) async fn get_many_within(
        &self,
        tx: &mut Writing,
        ids: &[ResourceId],
    ) -> Result<Vec<Resource>, RecordsError> {
        let found = self.joined(&mut **tx, ids, "", SAME).await?;
        Ok(found.into_iter().map(|(_, resource)| resource).collect())
    }

    /// Resources of one type that lie anywhere below each of `scopes`, by the key of the scope; a scope without any
    /// has no entry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_below_each(
        &self,
        scopes: &[ResourceId],
        resource_type: &str,
    ) -> Result<HashMap<String, Vec<Resource>>, RecordsError> {
        // `0` is the character after `/`.
        let below = "found.type_key = $2 AND found.key > asked.key || '/' AND found.key < asked.key || '0'";
        Ok(by_owner(self.joined(&self.pool, scopes, resource_type, below).await?))
    }

    /// Resources of one type whose parent is one of `parents`, by the key of the parent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_children_of_each(
        &self,
        parents: &[ResourceId],
        resource_type: &str,
    ) -> Result<HashMap<String, Vec<Resource>>, RecordsError> {
        Ok(by_owner(self.joined(&self.pool, parents, resource_type, CHILD).await?))
    }

    /// [`Self::list_children_of_each`] as it is in a transaction.
    pub(crate) async fn list_children_within(
        &self,
        tx: &mut Writing,
        parents: &[ResourceId],
        resource_type: &str,
    ) -> Result<HashMap<String, Vec<Resource>>, RecordsError> {
        Ok(by_owner(self.joined(&mut **tx, parents, resource_type, CHILD).await?))
    }

    async fn joined<'c>(
        &self,
        on: impl Executor<'c, Database = Any>,
        asked: &[ResourceId],
        resource_type: &str,
        condition: &str,
    ) -> Result<Vec<(String, Resource)>, RecordsError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<&str> = asked.iter().map(ResourceId::key).collect();
        let keys = serde_json::to_string(&keys).expect("a list of texts is JSON");
        // SQLite keeps the order of a CROSS JOIN, so that it looks each asked key up in an index.
        let (unpacked, join) = match self.sql {
            Sql::Sqlite => ("json_each($1)", "CROSS JOIN resources AS found WHERE"),
            Sql::Postgres => ("json_array_elements_text($1::json)", "JOIN resources AS found ON"),
        };
        let unused = if resource_type.is_empty() { "AND $2 = ''" } else { "" };
        let sql = format!(
            "SELECT asked.key AS owner, found.id, found.type, found.etag, found.body, found.created, found.modified
             FROM (SELECT value AS key FROM {unpacked}) AS asked {join} {condition} {unused} ORDER BY found.key"
        );
        let rows: Vec<OwnedRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(keys)
            .bind(resource_type.to_ascii_lowercase())
            .fetch_all(on)
            .await?;
        rows.into_iter()
            .map(|(owner, id, resource_type, etag, body, created, modified)| {
                Ok((owner, from_row((id, resource_type, etag, body, created, modified))?))
            })
            .collect()
    }

    /// Makes `writes` and removes `stale` (with all below, without activity entries) in one transaction.
    ///
    /// A write whose condition does not hold, or whose [`BulkWrite::of`] is gone, is left out: somebody else was
    /// faster, and the others are not to wait for that.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub async fn put_many(
        &self,
        writes: Vec<BulkWrite>,
        stale: &[ResourceId],
        by: &Actor,
    ) -> Result<(), RecordsError> {
        if writes.is_empty() && stale.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        let (mut made, mut writes) = (Vec::new(), writes.into_iter());
        loop {
            let some: Vec<BulkWrite> = writes.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                break;
            }
            made.extend(self.put_some(&mut tx, some).await?);
        }
        for id in stale {
            made.extend(remove_tree(&mut tx, id, by).await?);
        }
        self.commit(tx, made).await
    }

    /// One statement reads what `writes` are about and one writes what they make of it: by themselves, the way of each
    /// statement to the database and back would be most of the time. Gives what is to be told of it.
    async fn put_some(&self, tx: &mut Writing, writes: Vec<BulkWrite>) -> Result<Vec<Change>, RecordsError> {
        let mut asked: Vec<ResourceId> =
            writes.iter().flat_map(|one| [&one.of, &one.write.id]).cloned().collect();
        asked.sort();
        asked.dedup();
        let found = self.get_many_within(tx, &asked).await?;
        let mut there: HashMap<ResourceId, Resource> =
            found.into_iter().map(|resource| (resource.id.clone(), resource)).collect();
        let (mut made, mut written, mut entries) = (Vec::new(), BTreeSet::new(), Vec::new());
        for BulkWrite { write, of } in writes {
            let before = there.get(&write.id);
            let same = !write.audit && before.is_some_and(|before| before.body == write.body);
            if same || !there.contains_key(&of) || check(&write.id, before, &write.condition).is_err() {
                continue;
            }
            let resource = self.successor(before, write.id, write.body);
            if write.audit {
                entries.push(Activity::written(before, &resource, &write.actor));
            }
            made.push(put(&resource, &write.actor));
            written.insert(resource.id.clone());
            there.insert(resource.id.clone(), resource);
        }
        let written: Vec<&Resource> = written.iter().filter_map(|id| there.get(id)).collect();
        self.insert(tx, &written).await?;
        Activity::insert_all(tx, self.sql, &entries).await?;
        Ok(made)
    }

    /// Writes resources, each at most once, over what is there.
    pub(crate) async fn insert(&self, tx: &mut Writing, resources: &[&Resource]) -> Result<(), RecordsError> {
        if resources.is_empty() {
            return Ok(());
        }
        let row = |resource: &&Resource| {
            let parent = resource.id.parent();
            json!({"key": resource.id.key(), "id": resource.id.as_str(),
                   "parent_key": parent.as_ref().map(ResourceId::key).unwrap_or_default(),
                   "type": resource.resource_type, "type_key": resource.resource_type.to_ascii_lowercase(),
                   "etag": resource.etag, "body": resource.body.to_string(),
                   "created": resource.created.0, "modified": resource.modified.0})
        };
        let rows: Vec<Value> = resources.iter().map(row).collect();
        let unpacked = match self.sql {
            // `WHERE` keeps SQLite from taking `ON CONFLICT` for the condition of a join.
            Sql::Sqlite => {
                "SELECT value ->> 'key', value ->> 'id', value ->> 'parent_key', value ->> 'type',
                        value ->> 'type_key', value ->> 'etag', value ->> 'body', value ->> 'created',
                        value ->> 'modified' FROM json_each($1) WHERE TRUE"
            }
            Sql::Postgres => {
                "SELECT key, id, parent_key, type, type_key, etag, body, created, modified
                 FROM json_to_recordset($1::json) AS row (key TEXT, id TEXT, parent_key TEXT, type TEXT,
                      type_key TEXT, etag TEXT, body TEXT, created BIGINT, modified BIGINT)"
            }
        };
        let sql = format!(
            "INSERT INTO resources (key, id, parent_key, type, type_key, etag, body, created, modified) {unpacked}
             ON CONFLICT (key) DO UPDATE SET etag = excluded.etag, body = excluded.body, modified = excluded.modified"
        );
        let rows = serde_json::to_string(&rows).expect("a list of values is JSON");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(rows).execute(&mut **tx).await?;
        Ok(())
    }
}

fn by_owner(rows: Vec<(String, Resource)>) -> HashMap<String, Vec<Resource>> {
    let mut out: HashMap<String, Vec<Resource>> = HashMap::new();
    for (owner, resource) in rows {
        out.entry(owner).or_default().push(resource);
    }
    out
}
