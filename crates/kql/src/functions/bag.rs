//! Dynamic property bags.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "treepath",
        &["(object: dynamic): dynamic"],
        "every path inside a bag",
        r#"print treepath(dynamic({"a": {"b": 1}}))"#,
    )
    .named(Naming::Prefix("tree")),
    Function::new(
        "bag_keys",
        &["(object: dynamic): dynamic"],
        "the keys of a bag",
        r#"print bag_keys(dynamic({"a": 1}))"#,
    ),
    Function::new(
        "bag_pack",
        &["(key: string, value: any, more?...: any): dynamic"],
        "a bag of names and values",
        r#"print bag_pack("a", 1, "b", 2)"#,
    )
    .alias(&["pack", "pack_dictionary"])
    .nulls(Nulls::Handled),
    Function::new(
        "bag_pack_columns",
        &["(value...: any): dynamic"],
        "a bag of columns under their own names",
        "print bag_pack_columns(1)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "pack_all",
        &["(ignore_null_empty?: any): dynamic"],
        "a bag of every column; with true, without null and empty values",
        "print a = 1 | extend b = pack_all()",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "bag_merge",
        &["(bag...: dynamic): dynamic"],
        "bags made one; the leftmost value of a key stays",
        r#"print bag_merge(dynamic({"a": 1}), dynamic({"b": 2}))"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "bag_remove_keys",
        &["(bag: dynamic, keys: dynamic): dynamic"],
        "a bag without some keys",
        r#"print bag_remove_keys(dynamic({"a": 1, "b": 2}), dynamic(["a"]))"#,
    ),
    Function::new(
        "bag_has_key",
        &["(bag: dynamic, key: string): bool"],
        "whether a bag has a key",
        r#"print bag_has_key(dynamic({"a": 1}), "a")"#,
    ),
    Function::new(
        "bag_set_key",
        &["(bag: dynamic, key: string, value: any): dynamic"],
        "a bag with one key set, to null too; null for what is no bag",
        r#"print bag_set_key(dynamic({}), "a", 1)"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "bag_zip",
        &["(keys: dynamic, values: dynamic): dynamic"],
        "a bag from an array of keys and one of values",
        r#"print bag_zip(dynamic(["a"]), dynamic([1]))"#,
    ),
];
