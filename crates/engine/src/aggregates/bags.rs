//! `make_bag` and `buildschema`: what grows by merging one dynamic after another.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use serde_json::{Map, Value as Tree};

use super::grouped::{Definition, Grouped, Rows};
use crate::types::arrow_type;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Merge {
    /// All keys, up to so many; the first value of a key stays.
    Bag { keys_max: usize },
    /// The types that occur at each place.
    Schema,
}

impl Definition for Merge {
    type Groups = Merged;

    fn name(&self) -> &'static str {
        match self {
            Self::Bag { .. } => "make_bag",
            Self::Schema => "buildschema",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        vec![arrow_type(KqlType::Dynamic)]
    }

    fn result(&self) -> DataType {
        arrow_type(KqlType::Dynamic)
    }

    fn state(&self) -> Vec<DataType> {
        vec![arrow_type(KqlType::Dynamic)]
    }

    fn start(&self) -> Merged {
        Merged { merge: *self, groups: Vec::new(), heap: 0 }
    }
}

#[derive(Debug)]
pub(super) struct Merged {
    merge: Merge,
    groups: Vec<Option<Tree>>,
    /// About the memory of the groups' contents.
    heap: usize,
}

/// A tree takes at most about this many times the length of its text: a digit and a comma are a node.
const TREE_FACTOR: usize = size_of::<Tree>() / 2;

impl Merged {
    fn add(&mut self, group: usize, json: &str, is_schema: bool) {
        let Ok(tree) = serde_json::from_str::<Tree>(json) else { return };
        let held = &mut self.groups[group];
        match self.merge {
            Merge::Bag { keys_max } => {
                let Tree::Object(new) = tree else { return };
                let Tree::Object(bag) = held.get_or_insert_with(|| Tree::Object(Map::new())) else { return };
                let before = bag.len();
                for (key, value) in new {
                    if bag.len() < keys_max && !bag.contains_key(&key) {
                        bag.insert(key, value);
                    }
                }
                if bag.len() > before {
                    self.heap += TREE_FACTOR * json.len();
                }
            }
            Merge::Schema => {
                let schema = if is_schema { tree } else { schema_of(&tree) };
                match held {
                    Some(held) => self.heap += unite(held, schema),
                    None => {
                        self.heap += TREE_FACTOR * json.len();
                        *held = Some(schema);
                    }
                }
            }
        }
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Option<Tree>> {
        let taken = emit.take_needed(&mut self.groups);
        if self.groups.is_empty() {
            self.heap = 0;
        }
        taken
    }
}

impl Grouped for Merged {
    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups, || None);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let texts = values[0].as_string_view();
        for (row, group) in rows.iter().filter(|(row, _)| texts.is_valid(*row)) {
            self.add(group, texts.value(row), false);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let texts = states[0].as_string_view();
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| texts.is_valid(*row)) {
            self.add(*group, texts.value(row), true);
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let empty = match self.merge {
            Merge::Bag { .. } => Some("{}".to_owned()),
            Merge::Schema => None,
        };
        let taken = self.take(emit);
        let texts = taken.into_iter().map(|tree| tree.map(|tree| tree.to_string()).or_else(|| empty.clone()));
        Ok(Arc::new(texts.collect::<StringViewArray>()))
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let taken = self.take(emit);
        let texts = taken.into_iter().map(|tree| tree.map(|tree| tree.to_string()));
        Ok(vec![Arc::new(texts.collect::<StringViewArray>())])
    }

    fn bytes(&self) -> usize {
        self.heap + self.groups.capacity() * size_of::<Option<Tree>>()
    }
}

/// The key under which a schema has the type of an array's elements.
const INDEXER: &str = "`indexer`";

/// The schema of one value: a type's name; for a bag, the schemas of its keys; for an array, the united
/// schema of its elements under [`INDEXER`].
fn schema_of(value: &Tree) -> Tree {
    match value {
        Tree::Null => "null".into(),
        Tree::Bool(_) => "bool".into(),
        Tree::Number(number) if number.is_f64() => "double".into(),
        Tree::Number(_) => "long".into(),
        Tree::String(_) => "string".into(),
        Tree::Array(elements) => {
            let united = elements.iter().map(schema_of).reduce(|mut all, schema| {
                unite(&mut all, schema);
                all
            });
            let pairs = united.map(|schema| (INDEXER.to_owned(), schema));
            Tree::Object(pairs.into_iter().collect())
        }
        Tree::Object(bag) => {
            Tree::Object(bag.iter().map(|(key, value)| (key.clone(), schema_of(value))).collect())
        }
    }
}

/// Adds a schema to another. Alternatives become an array: type names once each, and one bag. Gives the
/// memory that this takes, about.
fn unite(held: &mut Tree, other: Tree) -> usize {
    const NODE_BYTES: usize = 2 * size_of::<Tree>();
    match (&mut *held, other) {
        (Tree::Object(held), Tree::Object(other)) => other
            .into_iter()
            .map(|(key, schema)| match held.get_mut(&key) {
                Some(held) => unite(held, schema),
                None => {
                    let taken = NODE_BYTES + key.len() + TREE_FACTOR * schema.to_string().len();
                    held.insert(key, schema);
                    taken
                }
            })
            .sum(),
        (held, Tree::Array(alternatives)) => alternatives.into_iter().map(|one| unite(held, one)).sum(),
        (Tree::Array(alternatives), other) => {
            let bag = alternatives.iter().position(|one| one.is_object() && other.is_object());
            match bag {
                Some(at) => unite(&mut alternatives[at], other),
                None if alternatives.contains(&other) => 0,
                None => {
                    let taken = NODE_BYTES + TREE_FACTOR * other.to_string().len();
                    alternatives.push(other);
                    taken
                }
            }
        }
        (held, other) if *held != other => {
            let taken = NODE_BYTES + TREE_FACTOR * other.to_string().len();
            *held = Tree::Array(vec![held.take(), other]);
            taken
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_unite_alternatives_once() {
        let schema = |values: &[&str]| {
            let trees = values.iter().map(|json| schema_of(&serde_json::from_str(json).unwrap()));
            let united = trees.reduce(|mut all, schema| {
                unite(&mut all, schema);
                all
            });
            united.unwrap().to_string()
        };
        assert_eq!(schema(&["1", "2.5", "3", "\"a\""]), r#"["long","double","string"]"#);
        assert_eq!(
            schema(&["[1, {\"a\": 1}, {\"a\": true}]"]),
            r#"{"`indexer`":["long",{"a":["long","bool"]}]}"#
        );
        assert_eq!(schema(&["[]", "1", "{\"k\": null}"]), r#"[{"k":"null"},"long"]"#);
    }
}
