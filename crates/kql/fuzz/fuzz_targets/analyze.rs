//! Any text gives diagnostics or a bound query, and never a panic or a query without end.
#![no_main]

use std::sync::LazyLock;

use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{AnalyzeOptions, Catalog, FunctionSymbol, TableSymbol, analyze};
use bartizan_schema::{Column, TableRegistry};
use libfuzzer_sys::fuzz_target;

struct Shipped(TableRegistry);

impl Catalog for Shipped {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let table = self.0.get(name)?;
        let column = |column: &Column| ColumnSchema { name: column.name.clone(), ty: column.ty };
        Some(TableSymbol { name: table.name.clone(), columns: table.columns.iter().map(column).collect() })
    }

    fn function(&self, _name: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        self.0.iter().map(|table| table.name.clone()).collect()
    }
}

static CATALOG: LazyLock<Shipped> =
    LazyLock::new(|| Shipped(TableRegistry::shipped().expect("the shipped tables are read by tests")));

fuzz_target!(|text: &str| {
    let analysis = analyze(text, &*CATALOG, &AnalyzeOptions::default());
    for diagnostic in &analysis.diagnostics {
        let (start, end) = (diagnostic.span.start, diagnostic.span.end);
        assert!(start <= end && end <= text.len(), "a diagnostic points outside the text");
    }
});
