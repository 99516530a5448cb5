//! The folder's tables and functions: as a catalog for the binder, and as a store of empty tables for the engine.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bartizan_base::{Ticks, WorkspaceId};
use bartizan_engine::{
    Engine, EngineOptions, ExternalData, FunctionSource, QueryError, QueryLimits, QueryOutput, QueryRequest,
};
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Catalog, FunctionSymbol, TableSymbol};
use bartizan_schema::{Column, KqlType, Table, TableRegistry};
use bartizan_store::{Store, StoreOptions};

use crate::folder::{Folder, Schema, Shape};
use crate::nowhere::Nowhere;

/// Longest a query over empty tables or a documented example may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// An engine over empty tables, and the names its queries may use.
pub(crate) struct Workspace {
    pub names: Names,
    /// The names before columns were added to the schema; part of the answers are older than they.
    pub older: Names,
    engine: Engine,
    id: WorkspaceId,
    now: Ticks,
    _dir: tempfile::TempDir,
}

impl Workspace {
    pub(crate) async fn open(folder: &Folder) -> anyhow::Result<Self> {
        let names = Names::of(&folder.schema);
        let dir = tempfile::tempdir().context("cannot make a folder for the store")?;
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(dir.path().join("control.db"))
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.context("cannot make the store's index")?;
        let mut registry = TableRegistry::shipped().context("the shipped tables are broken")?;
        for table in tables(&folder.schema) {
            registry.add(table)?;
        }
        let store = Store::open(StoreOptions::new(dir.path().join("logs"), pool), registry).await?;
        let functions: Arc<dyn FunctionSource> = Arc::new(names.clone());
        let outside = ExternalData {
            allowed: vec!["https://".to_owned(), "http://".to_owned()],
            fetch: Some(Arc::new(Nowhere)),
            ..ExternalData::default()
        };
        let options = EngineOptions {
            functions: Some(functions),
            external: Some(Arc::new(outside)),
            ..EngineOptions::default()
        };
        let engine = Engine::new(store, options)?;
        let now = Ticks::parse("2026-03-01T12:00:00Z").map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(Self {
            older: names.without_added_columns(),
            names,
            engine,
            id: WorkspaceId::random(),
            now,
            _dir: dir,
        })
    }

    pub(crate) async fn query(&self, text: &str) -> Result<QueryOutput, QueryError> {
        self.query_with(text, HashMap::new()).await
    }

    /// The same with values of query parameters.
    pub(crate) async fn query_with(
        &self,
        text: &str,
        parameters: HashMap<String, String>,
    ) -> Result<QueryOutput, QueryError> {
        let request = QueryRequest {
            workspace: self.id,
            text: text.to_owned(),
            timespan: None,
            now: self.now,
            principal: String::new(),
            ingested: None,
            limits: QueryLimits { timeout: TIMEOUT, ..QueryLimits::default() },
        };
        self.engine.query_with(request, parameters).await
    }
}

/// The schema's tables as the store declares them.
fn tables(schema: &Schema) -> Vec<Table> {
    let declare = |(name, columns): &(String, Vec<(String, String)>)| {
        let table = serde_json::json!({ "name": name, "columns": [] });
        let mut table: Table = serde_json::from_value(table).ok()?;
        let columns = columns.iter().map(|(name, ty)| Some(Column::new(name.clone(), ty.parse().ok()?)));
        table.columns = columns.collect::<Option<_>>()?;
        Some(table)
    };
    schema.tables.iter().filter_map(declare).collect()
}

/// Tables and functions by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    tables: HashMap<String, Vec<ColumnSchema>>,
    /// Their names in the order of the schema.
    order: Vec<String>,
    functions: HashMap<String, FunctionSymbol>,
}

impl Names {
    fn of(schema: &Schema) -> Self {
        let mut names = Self::default();
        for (name, columns) in &schema.tables {
            names.tables.insert(name.clone(), columns.iter().filter_map(column).collect());
            names.order.push(name.clone());
        }
        for (name, shape) in &schema.shapes {
            names.functions.insert(name.clone(), shaped(name, shape));
        }
        for function in &schema.functions {
            let symbol = FunctionSymbol {
                name: function.name.clone(),
                parameters: function.params.clone(),
                body: function.body.clone(),
            };
            names.functions.insert(function.name.clone(), symbol);
        }
        names
    }

    /// Adds a table declared like `a:string,b:long`.
    pub(crate) fn with(mut self, name: &str, columns: &str) -> Self {
        let columns = columns.split(',').filter_map(|column| column.rsplit_once(':'));
        let columns = columns.filter_map(|(name, ty)| column(&(name.to_owned(), ty.to_owned())));
        self.tables.insert(name.to_owned(), columns.collect());
        self.order.push(name.to_owned());
        self
    }

    /// The query, and the bodies of the functions that it names, or that those name.
    pub(crate) fn reached<'n>(&'n self, query: &'n str) -> Vec<&'n str> {
        let mut texts = vec![query];
        let mut seen = HashSet::new();
        let mut at = 0;
        while let Some(text) = texts.get(at).copied() {
            at += 1;
            for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
                if let Some(function) = self.functions.get(word)
                    && seen.insert(word)
                {
                    texts.push(&function.body);
                }
            }
        }
        texts
    }

    fn without_added_columns(&self) -> Self {
        let mut names = self.clone();
        for columns in names.tables.values_mut() {
            while columns.last().is_some_and(|last| matches!(last.name.as_str(), "Timestamp" | "ReportId")) {
                columns.pop();
            }
        }
        names
    }
}

fn column((name, ty): &(String, String)) -> Option<ColumnSchema> {
    Some(ColumnSchema { name: name.clone(), ty: ty.parse().ok()? })
}

/// A function of known columns and no rows. Its parameters may all be left out.
fn shaped(name: &str, shape: &Shape) -> FunctionSymbol {
    let mut seen = HashSet::new();
    let columns = shape.cols.iter().filter(|(name, _)| seen.insert(name.as_str()));
    let columns: Vec<String> = columns.map(|(name, ty)| format!("['{name}']: {ty}")).collect();
    let parameters = shape.params.iter().filter_map(|(name, ty, _)| {
        let ty: KqlType = ty.parse().ok()?;
        Some(match ty {
            KqlType::String => format!("{name}: string = ''"),
            ty => format!("{name}: {ty} = {ty}(null)"),
        })
    });
    FunctionSymbol {
        name: name.to_owned(),
        parameters: format!("({})", parameters.collect::<Vec<_>>().join(", ")),
        body: format!("datatable({})[]", columns.join(", ")),
    }
}

impl Catalog for Names {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let columns = self.tables.get(name)?;
        Some(TableSymbol { name: name.to_owned(), columns: columns.clone() })
    }

    fn function(&self, name: &str) -> Option<FunctionSymbol> {
        self.functions.get(name).cloned()
    }

    fn table_names(&self) -> Vec<String> {
        self.order.clone()
    }
}

impl FunctionSource for Names {
    fn function(&self, _workspace: WorkspaceId, name: &str) -> Option<FunctionSymbol> {
        self.functions.get(name).cloned()
    }
}
