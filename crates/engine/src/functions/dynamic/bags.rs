//! Bags: making them, taking them apart, and the paths inside a dynamic value.

use serde_json::{Map, Value as Tree};

use super::super::convert;
use super::super::kernel::{Entry, seeing_nulls, strict};
use super::{from_tree, to_tree, tree};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("bag_pack", |args, _| pack(args, |_| true)),
    // The first argument says whether null and empty values are left out.
    seeing_nulls("pack_all", |args, _| match args.split_first() {
        Some((Value::Bool(true), pairs)) => pack(pairs, |value| !value.is_empty()),
        Some((_, pairs)) => pack(pairs, |_| true),
        None => Value::Null,
    }),
    strict("bag_keys", |args, _| match tree(&args[0]) {
        Some(Tree::Object(bag)) => {
            from_tree(&Tree::Array(bag.into_iter().map(|(key, _)| Tree::String(key)).collect()))
        }
        _ => Value::Null,
    }),
    strict("bag_has_key", |args, _| match (tree(&args[0]), &args[1]) {
        (Some(bag @ Tree::Object(_)), key) => {
            let key = convert::text(key.clone());
            let found = match key.strip_prefix("$.") {
                Some(path) => path.split('.').try_fold(&bag, |tree, key| tree.get(key)),
                None => bag.get(key.as_ref()),
            };
            Value::Bool(found.is_some())
        }
        _ => Value::Null,
    }),
    strict("bag_remove_keys", |args, _| remove_keys(&args[0], &args[1])),
    seeing_nulls("bag_merge", |args, _| {
        let texts = args.iter().filter_map(|arg| match arg {
            Value::Dynamic(json) => Some(json.as_ref()),
            _ => None,
        });
        Value::dynamic(super::merge_bags(texts))
    }),
    seeing_nulls("bag_set_key", |args, _| match (tree(&args[0]), &args[1]) {
        (Some(mut bag @ Tree::Object(_)), key) => {
            set_key(&mut bag, &convert::text(key.clone()), to_tree(&args[2]));
            from_tree(&bag)
        }
        _ => Value::Null,
    }),
    strict("bag_zip", |args, _| match (tree(&args[0]), tree(&args[1])) {
        (Some(Tree::Array(keys)), Some(Tree::Array(values))) => {
            let mut values = values.into_iter();
            let mut bag = Map::new();
            for key in keys {
                // Every key takes its value along, also one that names nothing.
                let value = values.next().unwrap_or(Tree::Null);
                if let Tree::String(key) = key {
                    bag.insert(key, value);
                }
            }
            from_tree(&Tree::Object(bag))
        }
        _ => Value::Null,
    }),
    strict("treepath", |args, _| match tree(&args[0]) {
        Some(tree) => {
            let mut paths = Vec::new();
            gather_paths(&tree, "", &mut paths);
            from_tree(&Tree::Array(paths.into_iter().map(Tree::String).collect()))
        }
        None => Value::Null,
    }),
];

/// A bag of keys and values in turn.
fn pack<'a>(pairs: &[Value<'a>], keeps: fn(&Value<'_>) -> bool) -> Value<'a> {
    let mut bag = Map::new();
    for pair in pairs.chunks_exact(2).filter(|pair| keeps(&pair[1])) {
        bag.insert(convert::text(pair[0].clone()).into_owned(), to_tree(&pair[1]));
    }
    Value::dynamic(Tree::Object(bag).to_string())
}

fn remove_keys<'a>(bag: &Value<'a>, keys: &Value<'_>) -> Value<'a> {
    let (Some(mut bag @ Tree::Object(_)), Some(Tree::Array(keys))) = (tree(bag), tree(keys)) else {
        return Value::Null;
    };
    for key in keys.iter().filter_map(Tree::as_str) {
        let path: Vec<&str> =
            key.strip_prefix("$.").map_or_else(|| vec![key], |path| path.split('.').collect());
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut bag, |tree, key| tree.get_mut(*key));
        if let Some(Tree::Object(parent)) = parent {
            parent.shift_remove(*last);
        }
    }
    from_tree(&bag)
}

/// Sets `key`, or the path `$.a.b`, making the bags on the way.
fn set_key(bag: &mut Tree, key: &str, value: Tree) {
    let path: Vec<&str> = key.strip_prefix("$.").map_or_else(|| vec![key], |path| path.split('.').collect());
    let mut at = bag;
    for key in &path {
        if !at.is_object() {
            *at = Tree::Object(Map::new());
        }
        let Tree::Object(inner) = at else { return };
        at = inner.entry(*key).or_insert(Tree::Null);
    }
    *at = value;
}

/// `['key']` for bags and `[0]` for all elements of an array, each path once.
fn gather_paths(tree: &Tree, path: &str, into: &mut Vec<String>) {
    let enter = |step: String, child: &Tree, into: &mut Vec<String>| {
        let path = format!("{path}{step}");
        if !into.contains(&path) {
            into.push(path.clone());
        }
        gather_paths(child, &path, into);
    };
    match tree {
        Tree::Object(bag) => {
            for (key, child) in bag {
                enter(format!("['{key}']"), child, into);
            }
        }
        Tree::Array(elements) => {
            for child in elements {
                enter("[0]".to_owned(), child, into);
            }
        }
        _ => {}
    }
}
