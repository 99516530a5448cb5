//! Dynamic arrays, also used as sets.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("array_strcat", &["(array: dynamic, delimiter: any): string"], "", "")
        .alias(&["strcat_array"])
        .nulls(Nulls::Handled),
    Function::new("repeat", &["(value: any, count: long): dynamic"], "", "").named(Naming::Prefix("repeat")),
    Function::new("array_length", &["(array: any): long"], "", "").alias(&["arraylength"]),
    Function::new("range", &["(start: summable, stop: summable, step?: summable): dynamic"], "", ""),
    Function::new("array_concat", &["(arrays...: dynamic): dynamic"], "", "").nulls(Nulls::Handled),
    Function::new(
        "array_iff",
        &["(condition_array: dynamic, when_true: any, when_false: any): dynamic"],
        "",
        "",
    )
    .alias(&["array_iif"])
    .nulls(Nulls::Handled),
    Function::new(
        "array_index_of",
        &["(array: dynamic, value: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "",
        "",
    ),
    Function::new("array_slice", &["(array: dynamic, start: integer, end: integer): same"], "", ""),
    Function::new(
        "array_split",
        &["(array: dynamic, index: integer): same", "(array: dynamic, indices: dynamic): same"],
        "",
        "",
    ),
    Function::new(
        "array_shift_left",
        &["(array: dynamic, shift_count: integer, default_value?: any): same"],
        "",
        "",
    ),
    Function::new(
        "array_shift_right",
        &["(array: dynamic, shift_count: integer, default_value?: any): same"],
        "",
        "",
    ),
    Function::new("array_reverse", &["(value: dynamic): same"], "", ""),
    Function::new("array_rotate_left", &["(array: dynamic, rotate_count: integer): same"], "", ""),
    Function::new("array_rotate_right", &["(array: dynamic, rotate_count: integer): same"], "", ""),
    Function::new("array_sort_asc", &["(arrays...: dynamic): dynamic"], "", ""),
    Function::new("array_sort_desc", &["(arrays...: dynamic): dynamic"], "", ""),
    Function::new("zip", &["(array...: dynamic): dynamic"], "", ""),
    Function::new("pack_array", &["(values?...: any): dynamic"], "", "").nulls(Nulls::Handled),
    Function::new("set_has_element", &["(set: dynamic, value: any): bool"], "", ""),
    Function::new("set_union", &["(set...: dynamic): dynamic"], "", ""),
    Function::new("set_intersect", &["(set...: dynamic): dynamic"], "", ""),
    Function::new("set_difference", &["(set...: dynamic): dynamic"], "", ""),
    Function::new("set_equals", &["(set1: dynamic, set2: dynamic): bool"], "", ""),
    Function::new("jaccard_index", &["(set...: dynamic): dynamic"], "", ""),
];
