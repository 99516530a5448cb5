//! Bits.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "binary_and",
        &["(value1: integer, value2: integer): long"],
        "bitwise and",
        "print binary_and(6, 3)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "binary_or",
        &["(value1: integer, value2: integer): long"],
        "bitwise or",
        "print binary_or(6, 3)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "binary_xor",
        &["(value1: integer, value2: integer): long"],
        "bitwise exclusive or",
        "print binary_xor(6, 3)",
    )
    .named(Naming::FirstArgument),
    Function::new("binary_not", &["(value: integer): long"], "bitwise opposite", "print binary_not(1)")
        .named(Naming::FirstArgument),
    Function::new(
        "binary_shift_right",
        &["(value: integer, shift: integer): long"],
        "moves bits right",
        "print binary_shift_right(8, 2)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "binary_shift_left",
        &["(value: integer, shift: integer): long"],
        "moves bits left",
        "print binary_shift_left(1, 3)",
    )
    .named(Naming::FirstArgument),
    Function::new(
        "bitset_count_ones",
        &["(value: integer): long"],
        "counts the bits that are set",
        "print bitset_count_ones(7)",
    )
    .named(Naming::FirstArgument),
];
