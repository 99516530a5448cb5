//! Catalogs of tables that a test declares.

use std::collections::HashMap;

use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Catalog, FunctionSymbol, TableSymbol};

/// Tables held in memory.
#[derive(Default)]
pub(crate) struct MemoryCatalog {
    tables: HashMap<String, Vec<ColumnSchema>>,
}

impl MemoryCatalog {
    /// Adds a table declared like `a:string,b:long`.
    pub(crate) fn with(mut self, name: &str, columns: &str) -> Self {
        let columns = columns.split(',').map(|column| {
            let (name, ty) = column.rsplit_once(':').unwrap();
            ColumnSchema { name: name.to_owned(), ty: ty.parse().unwrap() }
        });
        self.tables.insert(name.to_owned(), columns.collect());
        self
    }
}

impl Catalog for MemoryCatalog {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let columns = self.tables.get(name)?;
        Some(TableSymbol { name: name.to_owned(), columns: columns.clone() })
    }

    fn function(&self, _name: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.keys().cloned().collect();
        names.sort();
        names
    }
}

/// `name:type, name:type`, with ` +open` when there may be more.
pub(crate) fn describe(columns: &[ColumnSchema], open: bool) -> String {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{}:{}", column.name, column.ty)).collect();
    format!("{}{}", columns.join(", "), if open { " +open" } else { "" })
}
