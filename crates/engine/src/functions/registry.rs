//! Which functions this engine runs. The list is explicit: a declared function that is not here is
//! refused by name.

use super::kernel::Entry;
use super::{
    comparison, convert, dynamic, encoding, geo, hash, network, numeric, random, series, sketch, system,
    text, time,
};

/// Families, in the order of their modules.
const FAMILIES: &[&[Entry]] = &[
    comparison::FUNCTIONS,
    convert::FUNCTIONS,
    dynamic::FUNCTIONS,
    dynamic::bags::FUNCTIONS,
    dynamic::sets::FUNCTIONS,
    encoding::FUNCTIONS,
    encoding::compression::FUNCTIONS,
    encoding::percent::FUNCTIONS,
    encoding::punycode::FUNCTIONS,
    hash::FUNCTIONS,
    network::FUNCTIONS,
    numeric::FUNCTIONS,
    sketch::FUNCTIONS,
    numeric::mathematics::FUNCTIONS,
    numeric::rounding::FUNCTIONS,
    random::FUNCTIONS,
    system::FUNCTIONS,
    series::decompose::FUNCTIONS,
    series::elementwise::FUNCTIONS,
    series::fit::FUNCTIONS,
    series::measure::FUNCTIONS,
    series::shape::FUNCTIONS,
    text::FUNCTIONS,
    text::agent::FUNCTIONS,
    text::key_values::FUNCTIONS,
    text::regex::FUNCTIONS,
    text::url::FUNCTIONS,
    text::xml::FUNCTIONS,
    time::FUNCTIONS,
    time::calendar::FUNCTIONS,
    time::format::FUNCTIONS,
    time::zone::FUNCTIONS,
];

/// Functions and operators that lower to DataFusion expressions, without a kernel of ours.
const LOWERED: &[&str] = &[
    "and",
    "or",
    "not",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "between",
    "!between",
    "+",
    "-",
    "*",
    "/",
    "%",
    "neg",
    "in",
    "!in",
    "in~",
    "!in~",
    "iff",
    "iif",
    "case",
    "isnull",
    "isnotnull",
    "now",
    "ago",
    "ingestion_time",
    "row_number",
    "prev",
    "next",
    "row_cumsum",
    "row_rank_dense",
    "row_rank_min",
    "row_window_session",
    "materialize",
    "identity",
    "assert",
    "bin_auto",
    "bag_pack_columns",
    "column_ifexists",
    "column_names_of",
    "iscolumnexists",
    "current_cluster_endpoint",
    "current_database",
    "current_principal",
    "current_principal_details",
    "current_principal_is_member_of",
];

/// Conversions: one argument, converted to the declared type of the result.
const CONVERSIONS: &[&str] = &[
    "tostring",
    "tolong",
    "toint",
    "todouble",
    "toreal",
    "tobool",
    "toboolean",
    "todatetime",
    "totimespan",
    "toguid",
    "todecimal",
];

/// All entries. A family of many modules lists its own.
fn entries() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().chain(geo::FAMILIES).copied().flatten()
}

/// The kernel of `name`.
pub(crate) fn kernel(name: &str) -> Option<Entry> {
    entries().find(|entry| entry.name == name).copied()
}

/// Whether `name` converts its argument to the result's type.
pub(crate) fn is_conversion(name: &str) -> bool {
    CONVERSIONS.contains(&name)
}

/// Whether two calls of `name` may differ.
pub(crate) fn is_volatile(name: &str) -> bool {
    matches!(name, "rand" | "new_guid")
}

/// Whether this engine runs the scalar function or operator `name`.
pub fn supports(name: &str) -> bool {
    LOWERED.contains(&name)
        || CONVERSIONS.contains(&name)
        || text::matching::Operator::named(name).is_some()
        || kernel(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_has_two_kernels() {
        let mut names: Vec<_> = entries().map(|entry| entry.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
