//! A store snapshot of one table as a DataFusion table: buffered rows beside a plain Parquet scan.
//!
//! Files are pruned by what the manifest knows (time and sequence range) before DataFusion prunes row
//! groups and pages by their own statistics, and by their text index ([`crate::text_index`]). Filters are reported as inexact: DataFusion keeps them above
//! the scan, so pruning may err on the side of reading more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use bartizan_store::layout::{SEQ_COLUMN, TIME_COLUMN, pad};
use bartizan_store::{FileEntry, TableSnapshot};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
    replace_columns_with_literals,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use object_store::path::Path;

use crate::hot_paths::{HotPath, TablePaths};
use crate::sound_files::SoundFiles;
use crate::text_index::{self, Narrowed};

/// One table of a snapshot, or some columns of it. Dropping the last one releases the snapshot's hold on its files.
#[derive(Debug)]
pub(crate) struct SnapshotTable {
    snapshot: Arc<TableSnapshot>,
    /// The columns that can be read.
    schema: SchemaRef,
    /// Paths into columns, some of which files have as columns of their own.
    paths: Option<TablePaths>,
}

impl SnapshotTable {
    pub(crate) fn new(snapshot: TableSnapshot) -> Self {
        Self { schema: Arc::clone(&snapshot.schema), snapshot: Arc::new(snapshot), paths: None }
    }

    /// The same table, with what is known about paths into it. Those into columns that it does not have are left out.
    pub(crate) fn with_paths(mut self, paths: Option<TablePaths>) -> Self {
        self.paths = paths;
        if let Some(paths) = &mut self.paths {
            paths.usable.retain(|path| path.fits(&self.schema));
        }
        self
    }

    /// What is known about paths into the table.
    pub(crate) fn paths(&self) -> Option<&TablePaths> {
        self.paths.as_ref()
    }

    /// The same rows with those columns only that `wanted` names, in the order of the table; with its first one
    /// when it has none of them, because rows must be countable. A table may have hundreds of columns of which a
    /// query reads a few, and each step of planning takes as long as there are columns.
    pub(crate) fn narrowed(&self, wanted: &HashSet<&str>) -> Self {
        let mut paths = self.paths.clone();
        if let Some(paths) = &mut paths {
            paths.usable.retain(|path| wanted.contains(path.name().as_str()));
        }
        let read: Vec<&HotPath> = paths.iter().flat_map(|paths| &paths.usable).collect();
        // Where a file lacks a path's column, the column that it leads into is read instead.
        let asked = |name: &str| wanted.contains(name) || read.iter().any(|path| path.column() == name);
        let mut fields: Vec<FieldRef> = self.schema.fields().iter().cloned().collect();
        fields.retain(|field| asked(field.name()));
        fields.extend(read.iter().map(|path| Arc::new(path.field())));
        if fields.is_empty() {
            fields.extend(self.schema.fields().first().cloned());
        }
        Self { snapshot: Arc::clone(&self.snapshot), schema: Arc::new(Schema::new(fields)), paths }
    }

    /// The columns of the table and the hidden sequence column, or those that are left of them.
    pub(crate) fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether the table has no rows at this snapshot.
    pub(crate) fn is_empty(&self) -> bool {
        self.snapshot.files.is_empty() && self.snapshot.memory.iter().all(|batch| batch.num_rows() == 0)
    }

    /// The table's name.
    pub(crate) fn name(&self) -> &str {
        &self.snapshot.table.name
    }

    /// How many damaged files there are with rows between two times, in ticks, and how many rows they had.
    pub(crate) fn missing(&self, from: i64, to: i64) -> (u64, u64) {
        let hit = self.snapshot.damaged.iter().filter(|lost| lost.time_min <= to && lost.time_max >= from);
        hit.fold((0, 0), |(files, rows), lost| (files + 1, rows + lost.rows))
    }

    /// The files that may hold rows passing `filters`.
    fn files(&self, filters: &[Expr]) -> Vec<Arc<FileEntry>> {
        let time = Range::of(TIME_COLUMN, filters);
        let seq = Range::of(SEQ_COLUMN, filters);
        let keep = |file: &&Arc<FileEntry>| seq.overlaps(file.seq_min, file.seq_max);
        self.snapshot.files.between(time.from, time.to).filter(keep).cloned().collect()
    }

    /// What the manifest knows of files: how many rows they have, and between which times and sequence
    /// numbers.
    fn statistics(&self, files: &[Arc<FileEntry>]) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Exact(files.iter().map(|file| file.rows as usize).sum());
        let mut between = |name: &str, of: fn(&FileEntry) -> (i64, i64)| {
            let Ok(at) = self.schema.index_of(name) else { return };
            let bounds = files.iter().map(|file| of(file));
            let Some((min, max)) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return };
            let column = &mut statistics.column_statistics[at];
            column.null_count = Precision::Exact(0);
            column.min_value = Precision::Exact(ScalarValue::Int64(Some(min)));
            column.max_value = Precision::Exact(ScalarValue::Int64(Some(max)));
        };
        between(TIME_COLUMN, |file| (file.time_min, file.time_max));
        between(SEQ_COLUMN, |file| (file.seq_min, file.seq_max));
        statistics
    }

    /// The files of each partition, newest first: a query for the newest rows then has them after its first
    /// files, and passes over the others by their statistics.
    fn groups(&self, files: &[Narrowed], partitions: usize) -> Result<Vec<FileGroup>> {
        let mut newest_first = files.to_vec();
        newest_first.sort_by_key(|narrowed| std::cmp::Reverse(narrowed.file.time_max));
        let mut groups = vec![Vec::new(); partitions.clamp(1, files.len().max(1))];
        let count = groups.len();
        for (at, Narrowed { file, rows }) in newest_first.into_iter().enumerate() {
            let path = Path::from_absolute_path(&file.path)
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            let statistics = Arc::new(self.statistics(std::slice::from_ref(&file)));
            let mut part =
                PartitionedFile::new(path.to_string(), file.size_bytes).with_statistics(statistics);
            if let Some(rows) = rows {
                part = part.with_extension(rows);
            }
            groups[at % count].push(part.with_extension(file));
        }
        Ok(groups.into_iter().map(FileGroup::new).collect())
    }

    fn scan_memory(
        &self,
        projection: Option<&Vec<usize>>,
        partitions: usize,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.snapshot.memory.is_empty() {
            return Ok(None);
        }
        let mut groups = vec![Vec::new(); partitions.clamp(1, self.snapshot.memory.len())];
        let count = groups.len();
        for (at, batch) in self.snapshot.memory.iter().enumerate() {
            groups[at % count].push(self.padded(batch)?);
        }
        let schema = Arc::clone(&self.schema);
        let plan: Arc<dyn ExecutionPlan> =
            MemorySourceConfig::try_new_exec(&groups, schema, projection.cloned())?;
        Ok(Some(plan))
    }

    /// Rows in memory with the columns that can be read. They have none for paths, so those are worked out.
    fn padded(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut padded = pad(batch, &self.schema)?;
        for path in self.paths.iter().flat_map(|paths| &paths.usable) {
            let Ok(at) = self.schema.index_of(&path.name()) else { continue };
            let mut columns = padded.columns().to_vec();
            columns[at] = path.values(&padded)?;
            padded = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        }
        Ok(padded)
    }

    fn scan_files(
        &self,
        runtime: &RuntimeEnv,
        files: &[Narrowed],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
        partitions: usize,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if files.is_empty() {
            return Ok(None);
        }
        let entries: Vec<_> = files.iter().map(|narrowed| Arc::clone(&narrowed.file)).collect();
        let statistics = self.statistics(&entries);
        // Footers and page indexes are read once: a file never changes, and no two have one name.
        let store = runtime.object_store(ObjectStoreUrl::local_filesystem())?;
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let readers = Arc::new(SoundFiles(CachedParquetFileReaderFactory::new(store, footers)));
        let source = ParquetSource::new(Arc::clone(&self.schema)).with_parquet_file_reader_factory(readers);
        let source = Arc::new(source);
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_projection_indices(projection.cloned())?
            .with_file_groups(self.groups(files, partitions)?)
            .with_statistics(statistics)
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(MissingColumns {
                paths: self.paths.iter().flat_map(|paths| paths.usable.clone()).collect(),
            })))
            .build();
        let plan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        Ok(Some(plan))
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions();
        let files = text_index::narrow(self.files(filters), &self.snapshot.schema, filters).await;
        let parts: Vec<_> = [
            self.scan_memory(projection, partitions)?,
            self.scan_files(state.runtime_env(), &files, projection, limit, partitions)?,
        ]
        .into_iter()
        .flatten()
        .collect();
        match <[_; 1]>::try_from(parts) {
            Ok([only]) => Ok(only),
            Err(parts) if parts.is_empty() => {
                let schema = match projection {
                    Some(columns) => Arc::new(self.schema.project(columns)?),
                    None => self.schema(),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            Err(parts) => UnionExec::try_new(parts),
        }
    }
}

/// Inclusive bounds on an integer column that a conjunction of filters implies.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    from: i64,
    to: i64,
}

impl Range {
    fn of(column: &str, filters: &[Expr]) -> Self {
        let mut range = Self { from: i64::MIN, to: i64::MAX };
        for filter in filters.iter().flat_map(split_conjunction) {
            range.narrow(column, filter);
        }
        range
    }

    fn narrow(&mut self, column: &str, filter: &Expr) {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return };
        let (op, value) = match (integer(left), integer(right)) {
            (None, Some(value)) if names(left, column) => (*op, value),
            (Some(value), None) if names(right, column) => match op.swap() {
                Some(op) => (op, value),
                None => return,
            },
            _ => return,
        };
        match op {
            Operator::Eq => {
                self.from = self.from.max(value);
                self.to = self.to.min(value);
            }
            Operator::Gt => self.from = self.from.max(value.saturating_add(1)),
            Operator::GtEq => self.from = self.from.max(value),
            Operator::Lt => self.to = self.to.min(value.saturating_sub(1)),
            Operator::LtEq => self.to = self.to.min(value),
            _ => {}
        }
    }

    fn overlaps(&self, min: i64, max: i64) -> bool {
        min <= self.to && max >= self.from
    }
}

fn names(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

fn integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        _ => None,
    }
}

/// Lets a file lack columns: strings read as `""`, those of paths are worked out from the column that they lead into;
/// the default adapter reads the others as null.
#[derive(Debug)]
struct MissingColumns {
    paths: Vec<HotPath>,
}

impl PhysicalExprAdapterFactory for MissingColumns {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let missing = logical
            .fields()
            .iter()
            .filter(|field| field.data_type() == &DataType::Utf8View && !field.is_nullable())
            .filter(|field| physical.field_with_name(field.name()).is_err())
            .map(|field| (field.name().clone(), ScalarValue::Utf8View(Some(String::new()))))
            .collect();
        let mut paths = HashMap::new();
        for path in &self.paths {
            let name = path.name();
            if logical.index_of(&name).is_ok() && physical.index_of(&name).is_err() {
                paths.insert(name, path.physical(&logical)?);
            }
        }
        let rest = DefaultPhysicalExprAdapterFactory.create(logical, physical)?;
        Ok(Arc::new(MissingAdapter { missing, paths, rest }))
    }
}

#[derive(Debug)]
struct MissingAdapter {
    missing: HashMap<String, ScalarValue>,
    /// What columns of paths are worked out by, over the table's columns.
    paths: HashMap<String, Arc<dyn PhysicalExpr>>,
    rest: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for MissingAdapter {
    fn rewrite(&self, mut expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        if !self.paths.is_empty() {
            let found = |expr: &Arc<dyn PhysicalExpr>| self.paths.get(expr.downcast_ref::<Column>()?.name());
            expr = expr
                .transform_up(|expr| {
                    Ok(match found(&expr) {
                        Some(path) => Transformed::yes(Arc::clone(path)),
                        None => Transformed::no(expr),
                    })
                })
                .data()?;
        }
        let expr =
            if self.missing.is_empty() { expr } else { replace_columns_with_literals(expr, &self.missing)? };
        self.rest.rewrite(expr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{ident, lit};

    #[test]
    fn bounds_follow_from_conjunctions_only() {
        let both = ident("TimeGenerated").gt_eq(lit(10_i64)).and(lit(20_i64).gt(ident("TimeGenerated")));
        assert_eq!(Range::of("TimeGenerated", &[both]), Range { from: 10, to: 19 });
        let either = ident("TimeGenerated").eq(lit(1_i64)).or(ident("TimeGenerated").eq(lit(2_i64)));
        assert_eq!(Range::of("TimeGenerated", &[either]), Range { from: i64::MIN, to: i64::MAX });
    }
}
