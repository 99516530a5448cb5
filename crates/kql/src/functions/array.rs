//! Dynamic arrays, also used as sets.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "array_strcat",
        &["(array: dynamic, delimiter: any): string"],
        "joins the elements of an array with a delimiter",
        r#"print array_strcat(dynamic([1, 2, 3]), "->")"#,
    )
    .alias(&["strcat_array"])
    .nulls(Nulls::Handled),
    Function::new(
        "repeat",
        &["(value: any, count: long): dynamic"],
        "an array of one value, null too, several times; null for a count that is null or below zero",
        "print repeat(1, 3)",
    )
    .named(Naming::Prefix("repeat"))
    .nulls(Nulls::Handled),
    Function::new(
        "array_length",
        &["(array: any): long"],
        "counts the elements of an array",
        "print array_length(dynamic([1, 2]))",
    )
    .alias(&["arraylength"]),
    Function::new(
        "range",
        &["(start: summable, stop: summable, step?: summable): dynamic"],
        "an array of values from start to stop",
        "print range(1, 10, 3)",
    ),
    Function::new(
        "array_concat",
        &["(arrays...: dynamic): dynamic"],
        "arrays one behind the other",
        "print array_concat(dynamic([1]), dynamic([2]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "array_iff",
        &["(condition_array: dynamic, when_true: any, when_false: any): dynamic"],
        "chooses elements by an array of conditions",
        "print array_iff(dynamic([true, false]), dynamic([1, 2]), dynamic([3, 4]))",
    )
    .alias(&["array_iif"])
    .nulls(Nulls::Handled),
    Function::new(
        "array_index_of",
        &["(array: dynamic, value: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "position of a value in an array, -1 when absent",
        r#"print array_index_of(dynamic(["a", "b"]), "b")"#,
    ),
    Function::new(
        "array_slice",
        &["(array: dynamic, start: integer, end: integer): same"],
        "part of an array, both ends included",
        "print array_slice(dynamic([1, 2, 3]), 0, 1)",
    ),
    Function::new(
        "array_split",
        &["(array: dynamic, index: integer): same", "(array: dynamic, indices: dynamic): same"],
        "cuts an array at positions",
        "print array_split(dynamic([1, 2, 3]), 1)",
    ),
    Function::new(
        "array_shift_left",
        &["(array: dynamic, shift_count: integer, default_value?: any): same"],
        "moves elements left and fills with null",
        "print array_shift_left(dynamic([1, 2, 3]), 1)",
    ),
    Function::new(
        "array_shift_right",
        &["(array: dynamic, shift_count: integer, default_value?: any): same"],
        "moves elements right and fills with null",
        "print array_shift_right(dynamic([1, 2, 3]), 1)",
    ),
    Function::new(
        "array_reverse",
        &["(value: dynamic): same"],
        "turns an array around",
        "print array_reverse(dynamic([1, 2]))",
    ),
    Function::new(
        "array_rotate_left",
        &["(array: dynamic, rotate_count: integer): same"],
        "moves elements left, around the end",
        "print array_rotate_left(dynamic([1, 2, 3]), 1)",
    ),
    Function::new(
        "array_rotate_right",
        &["(array: dynamic, rotate_count: integer): same"],
        "moves elements right, around the end",
        "print array_rotate_right(dynamic([1, 2, 3]), 1)",
    ),
    Function::new(
        "array_sort_asc",
        &["(array: dynamic, more?...: any): dynamic"],
        "sorts arrays by the first one, upwards; nulls last unless the last argument is false",
        "print array_sort_asc(dynamic([3, 1, 2]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "array_sort_desc",
        &["(array: dynamic, more?...: any): dynamic"],
        "sorts arrays by the first one, downwards; nulls last unless the last argument is false",
        "print array_sort_desc(dynamic([3, 1, 2]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "zip",
        &["(array...: dynamic): dynamic"],
        "pairs the elements of arrays",
        r#"print zip(dynamic([1, 2]), dynamic(["a", "b"]))"#,
    ),
    Function::new(
        "pack_array",
        &["(values?...: any): dynamic"],
        "an array of its arguments",
        r#"print pack_array(1, "a")"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "set_has_element",
        &["(set: dynamic, value: any): bool"],
        "whether an array holds a value",
        "print set_has_element(dynamic([1, 2]), 2)",
    ),
    Function::new(
        "set_union",
        &["(set...: dynamic): dynamic"],
        "distinct values of all arrays",
        "print set_union(dynamic([1, 2]), dynamic([2, 3]))",
    ),
    Function::new(
        "set_intersect",
        &["(set...: dynamic): dynamic"],
        "distinct values that every array holds",
        "print set_intersect(dynamic([1, 2]), dynamic([2, 3]))",
    ),
    Function::new(
        "set_difference",
        &["(set...: dynamic): dynamic"],
        "distinct values of the first array that no other holds",
        "print set_difference(dynamic([1, 2]), dynamic([2]))",
    ),
    Function::new(
        "set_equals",
        &["(set1: dynamic, set2: dynamic): bool"],
        "whether two arrays hold the same values",
        "print set_equals(dynamic([1, 2]), dynamic([2, 1]))",
    ),
    Function::new(
        "jaccard_index",
        &["(set...: dynamic): dynamic"],
        "how far two sets overlap, from 0 to 1",
        "print jaccard_index(dynamic([1, 2]), dynamic([2, 3]))",
    ),
];
