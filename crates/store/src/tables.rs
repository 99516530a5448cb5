//! The tables of every workspace: those shipped with the program, and custom ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bartizan_base::WorkspaceId;
use bartizan_schema::{Column, Table, TableKind, TableRegistry};

use crate::decode::Layout;
use crate::error::StoreError;
use crate::layout::SEQ_COLUMN;

/// Columns a custom table may have, as in Log Analytics.
const COLUMNS_MAX: usize = 500;
/// Characters a table or column name may have.
const NAME_LENGTH_MAX: usize = 63;
/// What a custom table's name ends in.
const CUSTOM_SUFFIX: &str = "_CL";

/// Table layouts by name.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    standard: BTreeMap<String, Arc<Layout>>,
    custom: BTreeMap<(WorkspaceId, String), Arc<Layout>>,
    /// Workspaces that were deleted: they have no tables, not even standard ones.
    gone: BTreeSet<WorkspaceId>,
}

impl Tables {
    pub(crate) fn new(registry: &TableRegistry) -> Self {
        let layout = |table: &Arc<Table>| (table.name.clone(), Arc::new(Layout::new(Arc::clone(table))));
        Self { standard: registry.iter().map(layout).collect(), ..Self::default() }
    }

    /// The table called `name`, exactly or else without regard to case.
    pub(crate) fn find(&self, workspace: WorkspaceId, name: &str) -> Option<&Arc<Layout>> {
        if self.gone.contains(&workspace) {
            return None;
        }
        let exact = self.standard.get(name).or_else(|| self.custom.get(&(workspace, name.to_owned())));
        exact.or_else(|| self.of(workspace).find(|layout| layout.table.name.eq_ignore_ascii_case(name)))
    }

    /// Every table of a workspace: standard ones, then custom ones, each in name order.
    pub(crate) fn of(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Arc<Layout>> {
        let custom =
            self.custom.iter().filter(move |((of, _), _)| *of == workspace).map(|(_, layout)| layout);
        let standard = (!self.gone.contains(&workspace)).then(|| self.standard.values());
        standard.into_iter().flatten().chain(custom)
    }

    /// Takes all tables of a workspace away, for good.
    pub(crate) fn close(&mut self, workspace: WorkspaceId) {
        self.gone.insert(workspace);
        self.custom.retain(|(of, _), _| *of != workspace);
    }

    /// Adds a checked declaration of a custom table.
    pub(crate) fn put(&mut self, workspace: WorkspaceId, table: Table) -> Arc<Layout> {
        let layout = Arc::new(Layout::new(Arc::new(table.with_standard_columns())));
        self.custom.insert((workspace, layout.table.name.clone()), Arc::clone(&layout));
        layout
    }

    /// Takes a custom table's declaration away.
    pub(crate) fn remove(&mut self, workspace: WorkspaceId, name: &str) {
        self.custom.remove(&(workspace, name.to_owned()));
    }

    /// What declaring `table` would leave: its columns after those that the table already has.
    pub(crate) fn declared(&self, workspace: WorkspaceId, table: Table) -> Result<Table, StoreError> {
        check(&table)?;
        if self.gone.contains(&workspace) {
            return Err(refused(&table, "its workspace was deleted".to_owned()));
        }
        let mut table = Table { kind: TableKind::Custom, ..table };
        let Some(existing) = self.find(workspace, &table.name) else {
            return Ok(table.with_standard_columns());
        };
        if existing.table.name != table.name {
            return Err(refused(&table, format!("`{}` differs from it only by case", existing.table.name)));
        }
        let mut columns: Vec<Column> = existing.table.columns.clone();
        for column in table.columns {
            match columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) if known.ty == column.ty => *known = column,
                Some(_) => return Err(StoreError::TableConflict { table: table.name, column: column.name }),
                None => columns.push(column),
            }
        }
        table.columns = columns;
        Ok(table)
    }
}

fn check(table: &Table) -> Result<(), StoreError> {
    if !table.name.ends_with(CUSTOM_SUFFIX) {
        return Err(refused(table, format!("its name does not end in `{CUSTOM_SUFFIX}`")));
    }
    if !is_name(&table.name) {
        return Err(refused(table, "its name is not letters, digits and `_` after a letter".to_owned()));
    }
    if table.columns.len() > COLUMNS_MAX {
        return Err(refused(table, format!("it has more than {COLUMNS_MAX} columns")));
    }
    let mut seen = BTreeSet::new();
    for column in &table.columns {
        let name = &column.name;
        if name == SEQ_COLUMN || !is_name(name.trim_start_matches('_')) {
            return Err(refused(table, format!("`{name}` is no column name")));
        }
        if !seen.insert(name) {
            return Err(refused(table, format!("column `{name}` is declared twice")));
        }
        let standard = Table::STANDARD_COLUMNS.iter().find(|(standard, _)| standard == name);
        if let Some((_, ty)) = standard.filter(|(_, ty)| *ty != column.ty) {
            return Err(refused(table, format!("standard column `{name}` is of type {ty}")));
        }
    }
    match table.column(crate::layout::TIME_COLUMN) {
        Some(time) if time.ty != bartizan_schema::KqlType::DateTime => {
            Err(refused(table, "`TimeGenerated` is of type datetime".to_owned()))
        }
        _ => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn refused(table: &Table, reason: String) -> StoreError {
    StoreError::TableRefused { table: table.name.chars().take(80).collect(), reason }
}
