//! Bits.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("binary_and", &["(value1: integer, value2: integer): long"], "", "")
        .named(Naming::FirstArgument),
    Function::new("binary_or", &["(value1: integer, value2: integer): long"], "", "")
        .named(Naming::FirstArgument),
    Function::new("binary_xor", &["(value1: integer, value2: integer): long"], "", "")
        .named(Naming::FirstArgument),
    Function::new("binary_not", &["(value: integer): long"], "", "").named(Naming::FirstArgument),
    Function::new("binary_shift_right", &["(value: integer, shift: integer): long"], "", "")
        .named(Naming::FirstArgument),
    Function::new("binary_shift_left", &["(value: integer, shift: integer): long"], "", "")
        .named(Naming::FirstArgument),
    Function::new("bitset_count_ones", &["(value: integer): long"], "", "").named(Naming::FirstArgument),
];
