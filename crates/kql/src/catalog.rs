//! Where the binder looks names up. The engine or a test implements it.

use std::sync::Arc;

use bartizan_base::WorkspaceId;

use crate::bound::{ColumnSchema, Literal};

/// A table found in the catalog.
#[derive(Clone, Debug)]
pub struct TableSymbol {
    /// The declared spelling.
    pub name: String,
    pub columns: Vec<ColumnSchema>,
}

/// A saved function: `name(parameters) { body }`, bound anew at each use.
#[derive(Clone, Debug)]
pub struct FunctionSymbol {
    pub name: String,
    /// As declared, with parentheses: `(x:long=1, T:(*))`.
    pub parameters: String,
    /// The body without braces.
    pub body: String,
}

/// The rows of a watchlist, as `_GetWatchlist` gives them.
#[derive(Clone, Debug, Default)]
pub struct Watchlist {
    pub columns: Vec<ColumnSchema>,
    /// As many values as there are columns, each.
    pub rows: Vec<Vec<Literal>>,
}

/// The names a query may use besides its own.
pub trait Catalog: Send + Sync {
    /// The table called `name`.
    fn table(&self, name: &str) -> Option<TableSymbol>;

    /// The saved function called `name`.
    fn function(&self, name: &str) -> Option<FunctionSymbol>;

    /// The watchlist of this alias, compared without regard to case.
    fn watchlist(&self, _alias: &str) -> Option<Arc<Watchlist>> {
        None
    }

    /// The workspace that `workspace("name")` means, if the query may read it.
    fn workspace(&self, _name: &str) -> Option<WorkspaceId> {
        None
    }

    /// The table called `name` of another workspace, found with [`Catalog::workspace`].
    fn table_of(&self, _workspace: WorkspaceId, _name: &str) -> Option<TableSymbol> {
        None
    }

    /// Names of all tables, for wildcards (`union Sec*`), completion and "did you mean". Always in one order:
    /// wildcards find them in it, and so the columns of their union follow from it.
    fn table_names(&self) -> Vec<String>;

    /// What rows a table holds, in a sentence, for hover and completion.
    fn table_description(&self, _table: &str) -> Option<String> {
        None
    }

    /// What a table's column holds, for hover.
    fn column_description(&self, _table: &str, _column: &str) -> Option<String> {
        None
    }

    /// Names of all saved functions, for completion.
    fn function_names(&self) -> Vec<String> {
        Vec::new()
    }
}
