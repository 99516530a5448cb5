//! The folder of material: its files and what their lines hold.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// A real query with the reference binder's verdict.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    pub id: String,
    #[serde(alias = "text", alias = "kql")]
    pub query: String,
    pub verdict: Verdict,
    /// Name and type, in order; absent when the query only declares names.
    #[serde(default)]
    pub columns: Option<Vec<(String, String)>>,
    /// More columns may come at run time.
    #[serde(default)]
    pub open: Option<bool>,
}

/// What the reference said of a query.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Clean,
    SyntaxError,
    #[serde(other)]
    Other,
}

/// An example of the public documentation.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Example {
    pub id: String,
    #[serde(default)]
    pub page: String,
    pub query: String,
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<String>>,
    #[serde(default)]
    pub approximate: bool,
    #[serde(default)]
    pub ordered: bool,
}

/// `schema.json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Schema {
    #[serde(deserialize_with = "in_order")]
    pub tables: Tables,
    #[serde(default)]
    pub functions: Vec<Function>,
    /// Functions known by their columns and parameters only.
    #[serde(default)]
    pub shapes: HashMap<String, Shape>,
}

/// Table names with the names and types of their columns.
type Tables = Vec<(String, Vec<(String, String)>)>;

/// The pairs of an object in the order of the file: the reference finds tables by wildcards in that order.
fn in_order<'de, D: Deserializer<'de>>(from: D) -> Result<Tables, D::Error> {
    let tables = serde_json::Map::deserialize(from)?;
    let pair = |(name, columns)| {
        serde_json::from_value(columns).map(|columns| (name, columns)).map_err(D::Error::custom)
    };
    tables.into_iter().map(pair).collect()
}

/// A function of the schema.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function {
    pub name: String,
    pub params: String,
    pub body: String,
}

/// See [`Schema::shapes`].
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shape {
    pub cols: Vec<(String, String)>,
    #[serde(default)]
    pub params: Vec<(String, String, bool)>,
}

/// A folder of material, read.
#[derive(Clone, Debug)]
pub struct Folder {
    pub(crate) entries: Vec<Entry>,
    pub(crate) examples: Vec<Example>,
    pub(crate) schema: Schema,
    /// Query and the columns the reference gives it, or `ERR …`.
    pub(crate) probes: Vec<(String, String)>,
}

impl Folder {
    /// Reads `corpus.jsonl`, `schema.json` and `documented_examples.jsonl`; `naming_probe.tsv` if it is there.
    ///
    /// # Errors
    /// When one of the three is missing or a line of it is not what it should be.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let schema = read(&path.join("schema.json"))?;
        let schema = serde_json::from_str(&schema)
            .with_context(|| format!("`{}` is not a schema", path.join("schema.json").display()))?;
        let probes = std::fs::read_to_string(path.join("naming_probe.tsv")).unwrap_or_default();
        let probes = probes.lines().filter_map(|line| line.split_once('\t'));
        let mut entries: Vec<Entry> = lines(&path.join("corpus.jsonl"))?;
        complete_parsers(&mut entries, &schema);
        Ok(Self {
            entries,
            examples: lines(&path.join("documented_examples.jsonl"))?,
            schema,
            probes: probes.map(|(query, columns)| (query.to_owned(), columns.trim().to_owned())).collect(),
        })
    }
}

/// The text of a parser is the body of a function: it names parameters that the function declares. Here they
/// are declared in front of it, with the function's defaults.
fn complete_parsers(entries: &mut [Entry], schema: &Schema) {
    let with_parameters = schema.functions.iter().filter(|function| function.params.trim() != "()");
    let parameters: HashMap<&str, &str> =
        with_parameters.map(|function| (function.body.trim(), function.params.as_str())).collect();
    for entry in entries {
        if let Some(declared) = parameters.get(entry.query.trim()) {
            entry.query = format!("declare query_parameters{declared};\n{}", entry.query);
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = read(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(at, line)| {
        serde_json::from_str(line).with_context(|| format!("line {} of `{}`", at + 1, path.display()))
    });
    parsed.collect()
}
