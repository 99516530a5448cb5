//! A workspace's names for the binder: its tables, and functions saved elsewhere.

use std::fmt::Debug;
use std::sync::Arc;

use bartizan_base::WorkspaceId;
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Catalog, FunctionSymbol, TableSymbol, Watchlist};
use bartizan_schema::{KqlType, Table};
use bartizan_store::layout::TIME_COLUMN;
use bartizan_store::{Store, joined_table};

use crate::lower::TIMESTAMP;
use crate::reach::Reach;

/// Where saved functions, parsers and watchlists come from.
pub trait FunctionSource: Send + Sync + Debug {
    /// The function called `name` in `workspace`.
    fn function(&self, workspace: WorkspaceId, name: &str) -> Option<FunctionSymbol>;

    /// The watchlist of this alias in `workspace`, compared without regard to case.
    fn watchlist(&self, _workspace: WorkspaceId, _alias: &str) -> Option<Arc<Watchlist>> {
        None
    }

    /// The names of `workspace`'s functions, for editors.
    fn names(&self, _workspace: WorkspaceId) -> Vec<String> {
        Vec::new()
    }

    /// The workspace that queries of `workspace` call `name`, by name or id, if any of them may read it. What only some
    /// callers may read comes with the request, as its [`Reach`].
    fn workspace(&self, _workspace: WorkspaceId, _name: &str) -> Option<WorkspaceId> {
        None
    }
}

/// The names one workspace offers.
pub(crate) struct WorkspaceCatalog<'a> {
    pub store: &'a Store,
    pub workspace: WorkspaceId,
    pub functions: Option<&'a Arc<dyn FunctionSource>>,
    pub reach: &'a Reach,
}

impl WorkspaceCatalog<'_> {
    /// The table as a query sees it: that of the workspace, joined with those of the workspaces that are asked together
    /// with it. A column that they declare with different types is told when the table is opened.
    fn joined(&self, name: &str) -> Option<Arc<Table>> {
        let own = self.store.table(self.workspace, name);
        let others = self.reach.among.iter().filter_map(|workspace| self.store.table(*workspace, name));
        own.into_iter().chain(others).reduce(|all, other| match joined_table(&all, &other) {
            Ok(joined) => Arc::new(joined),
            Err(_) => all,
        })
    }
}

impl Catalog for WorkspaceCatalog<'_> {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let table = self.joined(name)?;
        Some(TableSymbol { name: table.name.clone(), columns: columns(&table) })
    }

    fn function(&self, name: &str) -> Option<FunctionSymbol> {
        self.functions?.function(self.workspace, name)
    }

    fn watchlist(&self, alias: &str) -> Option<Arc<Watchlist>> {
        self.functions?.watchlist(self.workspace, alias)
    }

    fn workspace(&self, name: &str) -> Option<WorkspaceId> {
        if name.eq_ignore_ascii_case(&self.workspace.to_string()) {
            return Some(self.workspace);
        }
        let known = self.functions.and_then(|functions| functions.workspace(self.workspace, name));
        known.or_else(|| self.reach.find(name))
    }

    fn table_of(&self, workspace: WorkspaceId, name: &str) -> Option<TableSymbol> {
        let table = self.store.table(workspace, name)?;
        Some(TableSymbol { name: table.name.clone(), columns: columns(&table) })
    }

    fn table_names(&self) -> Vec<String> {
        let workspaces = std::iter::once(&self.workspace).chain(self.reach.among.iter());
        let tables = workspaces.flat_map(|workspace| self.store.tables(*workspace));
        let mut names: Vec<String> = tables.map(|table| table.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn function_names(&self) -> Vec<String> {
        self.functions.map(|functions| functions.names(self.workspace)).unwrap_or_default()
    }

    fn table_description(&self, table: &str) -> Option<String> {
        let table = self.joined(table)?;
        (!table.description.is_empty()).then(|| table.description.clone())
    }

    fn column_description(&self, table: &str, column: &str) -> Option<String> {
        let table = self.joined(table)?;
        let column = table.column(column)?;
        (!column.description.is_empty()).then(|| column.description.clone())
    }
}

/// A table's columns as queries see them. Defender's tables answer to `Timestamp` as well.
fn columns(table: &Table) -> Vec<ColumnSchema> {
    let mut columns: Vec<ColumnSchema> = table
        .columns
        .iter()
        .map(|column| ColumnSchema { name: column.name.clone(), ty: column.ty })
        .collect();
    let defender = table.name.starts_with("Device") && table.column(TIME_COLUMN).is_some();
    if defender && table.column(TIMESTAMP).is_none() {
        columns.push(ColumnSchema { name: TIMESTAMP.to_owned(), ty: KqlType::DateTime });
    }
    columns
}
