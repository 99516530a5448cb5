//! Which rows of a file a query has to read, by the file's text index.
//!
//! Filters that look for text (`contains`, `has`, `startswith`, `==`, `matches regex` with a text that it requires, and
//! what is made of them by `and` and `or`) rule blocks of rows out. They stay in the plan and look at every row that is
//! read, so this may err on the side of reading more, and does for everything it does not know.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bartizan_base::counters;
use bartizan_schema::KqlType;
use bartizan_store::layout::kql_type;
use bartizan_store::{BLOCK_ROWS, FileEntry, Wanted};
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use crate::functions::text::matching::TextMatch;

/// Lists of texts longer than this are not looked up: the index would say yes to one of them nearly everywhere.
const TEXTS_MAX: usize = 64;

/// Blocks of rows that queries for text read and passed over.
const BLOCKS: &str = "bartizan_query_text_blocks_total";

/// A file of a scan.
#[derive(Clone, Debug)]
pub(crate) struct Narrowed {
    pub file: Arc<FileEntry>,
    /// The rows to read; all without.
    pub rows: Option<ParquetRowSelection>,
}

/// What filters say about texts in columns.
#[derive(Clone, Debug, PartialEq)]
enum Sought {
    /// The column has one text of which each part must be there.
    Text {
        column: String,
        wanted: Wanted,
    },
    All(Vec<Sought>),
    Any(Vec<Sought>),
}

/// The rows of `files`, of a table with `schema`, that have to be read for `filters`; files without such rows are
/// left out.
pub(crate) async fn narrow(files: Vec<Arc<FileEntry>>, schema: &Schema, filters: &[Expr]) -> Vec<Narrowed> {
    let whole = |file: Arc<FileEntry>| Narrowed { file, rows: None };
    let parts: Vec<Sought> = filters.iter().filter_map(|filter| sought(schema, filter)).collect();
    if parts.is_empty() || files.is_empty() {
        return files.into_iter().map(whole).collect();
    }
    let sought = Sought::All(parts);
    let all = files.clone();
    // Reads from disk, if only a little.
    let narrowed = tokio::task::spawn_blocking(move || {
        files.into_iter().filter_map(|file| rows_of(file, &sought)).collect::<Vec<_>>()
    });
    // A panic in there must not cost rows.
    narrowed.await.unwrap_or_else(|_| all.into_iter().map(whole).collect())
}

fn rows_of(file: Arc<FileEntry>, sought: &Sought) -> Option<Narrowed> {
    let Some(blocks) = blocks(&file, sought).filter(|blocks| blocks.contains(&false)) else {
        return Some(Narrowed { file, rows: None });
    };
    let read = blocks.iter().filter(|read| **read).count();
    counters::count(BLOCKS, "read", read as u64);
    counters::count(BLOCKS, "skipped", (blocks.len() - read) as u64);
    if read == 0 {
        return None;
    }
    let last = blocks.len() - 1;
    let selectors: Vec<RowSelector> = blocks
        .iter()
        .enumerate()
        .map(|(at, read)| {
            let rows = if at == last { file.rows as usize - last * BLOCK_ROWS } else { BLOCK_ROWS };
            if *read { RowSelector::select(rows) } else { RowSelector::skip(rows) }
        })
        .collect();
    Some(Narrowed { file, rows: Some(ParquetRowSelection::new(RowSelection::from(selectors))) })
}

/// For each block whether it may have matching rows; `None` for all of them.
fn blocks(file: &FileEntry, sought: &Sought) -> Option<Vec<bool>> {
    match sought {
        Sought::Text { column, wanted } => {
            let found = file.blocks_with(column, wanted)?;
            // An index of other rows than the file's is none.
            (found.rows as u64 == file.rows).then_some(found.may_hold)
        }
        Sought::All(parts) => {
            let known = parts.iter().filter_map(|part| blocks(file, part));
            known.reduce(|a, b| a.iter().zip(b).map(|(a, b)| *a && b).collect())
        }
        Sought::Any(parts) => {
            let mut all = parts.iter().map(|part| blocks(file, part));
            let first = all.next()??;
            all.try_fold(first, |a, b| Some(a.iter().zip(b?).map(|(a, b)| *a || b).collect()))
        }
    }
}

/// What a filter says; `None` when that is nothing.
fn sought(schema: &Schema, filter: &Expr) -> Option<Sought> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (sought(schema, left), sought(schema, right)) {
                (Some(left), Some(right)) => Some(Sought::All(vec![left, right])),
                (left, right) => left.or(right),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(Sought::Any(vec![sought(schema, left)?, sought(schema, right)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (&**left, &**right) {
            (Expr::Column(_), Expr::Literal(..)) => equal(schema, left, right),
            (Expr::Literal(..), Expr::Column(_)) => equal(schema, right, left),
            _ => None,
        },
        Expr::InList(InList { expr, list, negated: false }) if list.len() <= TEXTS_MAX => {
            list.iter().map(|item| equal(schema, expr, item)).collect::<Option<_>>().map(Sought::Any)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let matched = func.inner().downcast_ref::<TextMatch>()?;
            let [Expr::Column(column)] = args.as_slice() else { return None };
            let (texts, all) = matched.required()?;
            if texts.is_empty() || texts.len() > TEXTS_MAX {
                return None;
            }
            let parts = texts.iter().map(|text| text_in(schema, &column.name, text));
            if all {
                Some(Sought::All(parts.flatten().collect()))
            } else {
                parts.collect::<Option<_>>().map(Sought::Any)
            }
        }
        _ => None,
    }
}

fn equal(schema: &Schema, column: &Expr, value: &Expr) -> Option<Sought> {
    let (Expr::Column(column), Expr::Literal(value, _)) = (column, value) else { return None };
    match value {
        ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text)) => {
            text_in(schema, &column.name, text)
        }
        _ => None,
    }
}

/// Only columns of KQL's type `string` are in the index; others that hold text may have more than one form of it.
fn text_in(schema: &Schema, column: &str, text: &str) -> Option<Sought> {
    let field = schema.field_with_name(column).ok()?;
    if kql_type(field) != Some(KqlType::String) {
        return None;
    }
    Some(Sought::Text { column: column.to_owned(), wanted: Wanted::new(text)? })
}
