//! Catalogs made from data, and the folder of reference material beside the repository.

use std::collections::HashMap;
use std::path::PathBuf;

use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Catalog, FunctionSymbol, TableSymbol};
use serde_json::Value;

/// Tables and functions held in memory.
#[derive(Default)]
pub(crate) struct MemoryCatalog {
    tables: HashMap<String, Vec<ColumnSchema>>,
    functions: HashMap<String, FunctionSymbol>,
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

    /// The catalog of a schema file: `{"tables": {name: [[column, type]]}, "functions": [{name, params, body}]}`.
    pub(crate) fn from_schema(schema: &Value) -> Self {
        let mut catalog = Self::default();
        for (name, columns) in schema["tables"].as_object().unwrap() {
            let columns = columns.as_array().unwrap().iter().map(|column| ColumnSchema {
                name: column[0].as_str().unwrap().to_owned(),
                ty: column[1].as_str().unwrap().parse().unwrap(),
            });
            catalog.tables.insert(name.clone(), columns.collect());
        }
        for function in schema["functions"].as_array().unwrap() {
            let text = |key: &str| function[key].as_str().unwrap().to_owned();
            let symbol =
                FunctionSymbol { name: text("name"), parameters: text("params"), body: text("body") };
            catalog.functions.insert(symbol.name.clone(), symbol);
        }
        // functions whose bodies are not in the file are known by their columns
        for (name, shape) in schema["shapes"].as_object().unwrap() {
            let mut seen = std::collections::HashSet::new();
            let columns = shape["cols"].as_array().unwrap().iter();
            let columns = columns.filter(|column| seen.insert(column[0].as_str().unwrap()));
            let columns = columns
                .map(|column| format!("['{}']:{}", column[0].as_str().unwrap(), column[1].as_str().unwrap()));
            let body = format!("datatable({})[]", columns.collect::<Vec<_>>().join(", "));
            let parameters = shape["params"].as_array().unwrap().iter();
            let parameters = parameters
                .map(|p| format!("{}:{1}={1}(null)", p[0].as_str().unwrap(), p[1].as_str().unwrap()));
            let parameters =
                format!("({})", parameters.collect::<Vec<_>>().join(", ").replace("string(null)", "''"));
            catalog.functions.entry(name.clone()).or_insert(FunctionSymbol {
                name: name.clone(),
                parameters,
                body,
            });
        }
        catalog
    }
}

impl Catalog for MemoryCatalog {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let columns = self.tables.get(name)?;
        Some(TableSymbol { name: name.to_owned(), columns: columns.clone() })
    }

    fn function(&self, name: &str) -> Option<FunctionSymbol> {
        self.functions.get(name).cloned()
    }

    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.keys().cloned().collect();
        names.sort();
        names
    }
}

/// A file of the reference material, or `None` with a note when it is not there.
pub(crate) fn reference(file: &str) -> Option<String> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let root = std::env::var_os("BARTIZAN_SHARED").map_or(beside, PathBuf::from);
    let path = root.join("kql").join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: no reference material at {}", path.display());
    }
    text
}

/// `name:type, name:type`, with ` +open` when there may be more.
pub(crate) fn describe(columns: &[ColumnSchema], open: bool) -> String {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{}:{}", column.name, column.ty)).collect();
    format!("{}{}", columns.join(", "), if open { " +open" } else { "" })
}
