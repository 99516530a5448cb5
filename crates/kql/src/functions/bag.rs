//! Dynamic property bags.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("treepath", &["(object: dynamic): dynamic"], "", "").named(Naming::Prefix("tree")),
    Function::new("bag_keys", &["(object: dynamic): dynamic"], "", ""),
    Function::new("bag_pack", &["(key: string, value: any, more?...: any): dynamic"], "", "")
        .alias(&["pack", "pack_dictionary"])
        .nulls(Nulls::Handled),
    Function::new("bag_pack_columns", &["(value...: any): dynamic"], "", ""),
    Function::new("pack_all", &["(ignore_null_empty?: any): dynamic"], "", "").nulls(Nulls::Handled),
    Function::new("bag_merge", &["(bag...: dynamic): dynamic"], "", "").nulls(Nulls::Handled),
    Function::new("bag_remove_keys", &["(bag: dynamic, keys: dynamic): dynamic"], "", ""),
    Function::new("bag_has_key", &["(bag: dynamic, key: string): bool"], "", ""),
    Function::new("bag_set_key", &["(bag: dynamic, key: string, value: any): dynamic"], "", ""),
    Function::new("bag_zip", &["(keys: dynamic, values: dynamic): dynamic"], "", ""),
];
