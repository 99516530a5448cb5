//! How result columns are called. `kql` keeps to the reference binder here, because rules and dashboards
//! depend on names that nobody wrote: `count_`, `set_Account`, `Column1`, `d_k`.

use std::collections::HashSet;

use crate::bound::Literal;
use crate::functions::{self, Naming};
use crate::syntax::ast::{Expr, ExprKind};

/// The name an expression has as a column of its own, if it has one: as [`result_name`], and a column that may
/// be missing has its name too.
pub(crate) fn item_name(expr: &Expr) -> Option<String> {
    maybe_column(expr).map(str::to_owned).or_else(|| result_name(expr))
}

/// The column that `column_ifexists` asks for.
pub(crate) fn maybe_column(expr: &Expr) -> Option<&str> {
    let ExprKind::Call { base: None, name, args } = &expr.unwrapped().kind else { return None };
    if !matches!(name.text.as_str(), "column_ifexists" | "columnifexists") {
        return None;
    }
    match args.first().map(|arg| &arg.unwrapped().kind) {
        Some(ExprKind::Literal(Literal::String(name), _)) => Some(name),
        _ => None,
    }
}

/// The name an expression has by itself, if it has one. Inside of other expressions a column that may be missing
/// has none.
pub(crate) fn result_name(expr: &Expr) -> Option<String> {
    name_beside(expr, &|_| false)
}

/// The name of an expression inside a pattern of a graph: in calls, the elements of the pattern (`is_element`) do
/// not count, so that `strlen(a.id)` is `strlen_id`.
pub(crate) fn name_in_pattern(expr: &Expr, is_element: &dyn Fn(&str) -> bool) -> Option<String> {
    match &expr.unwrapped().kind {
        ExprKind::Call { .. } => name_beside(expr, is_element),
        _ => result_name(expr),
    }
}

/// The name of an expression, without those names at the beginning of a path that are `hidden`.
fn name_beside(expr: &Expr, hidden: &dyn Fn(&str) -> bool) -> Option<String> {
    match &expr.unwrapped().kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Member { base, name } => {
            let first = matches!(&base.unwrapped().kind, ExprKind::Name(name) if hidden(name));
            Some(match name_beside(base, hidden).filter(|_| !first) {
                Some(base) if !base.starts_with('$') => format!("{base}_{}", name.text),
                _ => name.text.clone(),
            })
        }
        ExprKind::Index { base, index } => name_beside(base, hidden).map(|base| match &index.kind {
            ExprKind::Literal(Literal::Long(value), _) => format!("{base}_{value}"),
            _ => format!("{base}_"),
        }),
        ExprKind::Call { base: None, name, args } => call_name(&name.text, args, hidden),
        _ => None,
    }
}

fn call_name(function: &str, args: &[Expr], hidden: &dyn Fn(&str) -> bool) -> Option<String> {
    let declared = functions::lookup(function).or_else(|| functions::lookup_aggregate(function))?;
    let first = || args.first().and_then(|arg| name_beside(arg, hidden));
    match declared.function.naming {
        Naming::Numbered => None,
        Naming::FirstArgument => first(),
        Naming::OnlyArgument if args.len() == 1 => first(),
        Naming::OnlyArgument => None,
        Naming::Prefix(prefix) => Some(format!("{prefix}_{}", first().unwrap_or_default())),
        Naming::Fixed(name) => Some(name.to_owned()),
    }
}

/// Gives out names that are not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Starts with these names taken.
    pub(crate) fn reserving<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { taken: names.into_iter().map(str::to_owned).collect() }
    }

    /// Takes `name`; `false` when it was taken before.
    pub(crate) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// `name`, or `name1`, `name2` … if it is taken.
    pub(crate) fn unique(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 0_usize;
        while !self.take(&candidate) {
            number += 1;
            candidate = format!("{name}{number}");
        }
        candidate
    }
}

/// Whether `name` matches a pattern in which `*` stands for any text.
pub fn matches_wildcard(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("a", "ab", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches_wildcard(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn unique_names_count_up() {
        let mut names = Names::reserving(["a", "a1"]);
        assert_eq!(names.unique("a"), "a2");
        assert_eq!(names.unique("b"), "b");
        assert_eq!(names.unique("b"), "b1");
    }
}
