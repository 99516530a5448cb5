//! Arrays as sequences and as sets.

use std::cmp::Ordering;

use serde_json::Value as Tree;

use super::super::convert;
use super::super::kernel::{Entry, seeing_nulls, strict};
use super::super::text::{Window, occurrence_of};
use super::{from_tree, to_tree, tree};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("array_concat", |args, _| {
        let mut all = Vec::new();
        for arg in args {
            match tree(arg) {
                Some(Tree::Array(elements)) => all.extend(elements),
                _ if arg.is_null() => {}
                _ => return Value::Null,
            }
        }
        from_tree(&Tree::Array(all))
    }),
    strict("array_reverse", |args, _| match array(&args[0]) {
        Some(mut elements) => {
            elements.reverse();
            from_tree(&Tree::Array(elements))
        }
        None => Value::Null,
    }),
    strict("array_slice", |args, _| {
        let (Some(elements), Some(from), Some(to)) =
            (array(&args[0]), convert::to_long(&args[1]), convert::to_long(&args[2]))
        else {
            return Value::Null;
        };
        let count = elements.len() as i64;
        let at = |position: i64| if position < 0 { position.saturating_add(count) } else { position };
        let (from, to) = (at(from).max(0), at(to).min(count - 1));
        let kept = elements.into_iter().enumerate();
        let kept = kept.filter(|(n, _)| (from..=to).contains(&(*n as i64))).map(|(_, element)| element);
        from_tree(&Tree::Array(kept.collect()))
    }),
    strict("array_rotate_left", |args, _| rotate(&args[0], &args[1], 1)),
    strict("array_rotate_right", |args, _| rotate(&args[0], &args[1], -1)),
    strict("array_strcat", |args, _| {
        let Some(elements) = array(&args[0]) else { return Value::Null };
        let delimiter = convert::text(args[1].clone());
        let texts: Vec<String> =
            elements.iter().map(|element| convert::text(from_tree(element)).into_owned()).collect();
        Value::string(texts.join(&delimiter))
    }),
    strict("array_index_of", |args, _| match array(&args[0]) {
        Some(elements) => {
            let number = |at: usize, default: i64| {
                args.get(at).map_or(Some(default), convert::to_long).unwrap_or(default)
            };
            let window = Window { start: number(2, 0), length: number(3, -1), occurrence: number(4, 1) };
            Value::Long(occurrence_of(&elements, &[to_tree(&args[1])], window))
        }
        None => Value::Null,
    }),
    seeing_nulls("array_sort_asc", |args, _| sort(args, false)),
    seeing_nulls("array_sort_desc", |args, _| sort(args, true)),
    strict("array_shift_left", |args, _| shift(args, 1)),
    strict("array_shift_right", |args, _| shift(args, -1)),
    strict("array_split", |args, _| split(args)),
    strict("set_union", |args, _| {
        combine(args, |mut all, next| {
            all.extend(next);
            all
        })
    }),
    strict("set_intersect", |args, _| {
        combine(args, |all, next| all.into_iter().filter(|element| holds(&next, element)).collect())
    }),
    strict("set_difference", |args, _| {
        combine(args, |all, next| all.into_iter().filter(|element| !holds(&next, element)).collect())
    }),
    strict("set_has_element", |args, _| match array(&args[0]) {
        Some(elements) => Value::Bool(holds(&elements, &to_tree(&args[1]))),
        None => Value::Null,
    }),
    strict("set_equals", |args, _| match (array(&args[0]), array(&args[1])) {
        (Some(a), Some(b)) => Value::Bool(
            a.iter().all(|element| holds(&b, element)) && b.iter().all(|element| holds(&a, element)),
        ),
        _ => Value::Null,
    }),
    strict("jaccard_index", |args, _| {
        let (Some(a), Some(b)) = (array(&args[0]).map(distinct), array(&args[1]).map(distinct)) else {
            return Value::Null;
        };
        let shared = a.iter().filter(|element| holds(&b, element)).count();
        let all = a.len() + b.len() - shared;
        Value::Real(if all == 0 { f64::NAN } else { shared as f64 / all as f64 })
    }),
    strict("zip", |args, _| {
        let Some(columns) = args.iter().map(array).collect::<Option<Vec<_>>>() else { return Value::Null };
        let count = columns.iter().map(Vec::len).max().unwrap_or(0);
        let row = |at: usize| {
            Tree::Array(columns.iter().map(|column| column.get(at).cloned().unwrap_or(Tree::Null)).collect())
        };
        from_tree(&Tree::Array((0..count).map(row).collect()))
    }),
    seeing_nulls("repeat", |args, scratch| match convert::to_long(&args[1]) {
        Some(count) if (0..=REPEAT_MAX).contains(&count) => {
            if scratch.too_large(count as usize * args[0].text_bytes()) {
                return Value::Null;
            }
            from_tree(&Tree::Array(vec![to_tree(&args[0]); count as usize]))
        }
        _ => Value::Null,
    }),
    strict("range", |args, _| range(args)),
    seeing_nulls("array_iff", |args, _| iff(args)),
];

/// Elements that `range()` and `repeat()` make at most; the service's own limit.
const REPEAT_MAX: i64 = 1_048_576;

fn array(value: &Value<'_>) -> Option<Vec<Tree>> {
    match tree(value) {
        Some(Tree::Array(elements)) => Some(elements),
        _ => None,
    }
}

fn same(a: &Tree, b: &Tree) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn holds(elements: &[Tree], wanted: &Tree) -> bool {
    elements.iter().any(|element| same(element, wanted))
}

fn distinct(elements: Vec<Tree>) -> Vec<Tree> {
    let mut seen = std::collections::HashSet::new();
    elements.into_iter().filter(|element| seen.insert(element.to_string())).collect()
}

fn combine<'a>(args: &[Value<'a>], with: fn(Vec<Tree>, Vec<Tree>) -> Vec<Tree>) -> Value<'a> {
    let Some(sets) = args.iter().map(array).collect::<Option<Vec<_>>>() else { return Value::Null };
    match sets.into_iter().reduce(with) {
        Some(all) => from_tree(&Tree::Array(distinct(all))),
        None => Value::Null,
    }
}

fn rotate<'a>(value: &Value<'a>, by: &Value<'_>, direction: i64) -> Value<'a> {
    let (Some(mut elements), Some(by)) = (array(value), convert::to_long(by)) else { return Value::Null };
    if !elements.is_empty() {
        let by = (by.wrapping_mul(direction)).rem_euclid(elements.len() as i64);
        elements.rotate_left(by as usize);
    }
    from_tree(&Tree::Array(elements))
}

/// Sorts the first array and the others along with it: one array for one, an array of arrays for several.
/// A last argument of `false` puts nulls first. Arrays that are not as long as the first become null.
fn sort<'a>(args: &[Value<'a>], descending: bool) -> Value<'a> {
    let (arrays, nulls_last) = match args.split_last() {
        Some((Value::Bool(nulls_last), arrays)) => (arrays, *nulls_last),
        _ => (args, true),
    };
    let Some(first) = arrays.first().and_then(array) else { return Value::Null };
    let mut order: Vec<usize> = (0..first.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&first[*a], &first[*b]);
        match (a.is_null(), b.is_null()) {
            (false, false) => element_order(a, b, descending),
            (true, true) => Ordering::Equal,
            (a_null, _) if a_null == nulls_last => Ordering::Greater,
            _ => Ordering::Less,
        }
    });
    let sorted = |elements: &[Tree]| Tree::Array(order.iter().map(|at| elements[*at].clone()).collect());
    if arrays.len() == 1 {
        return from_tree(&sorted(&first));
    }
    let all = arrays.iter().map(|value| match array(value) {
        Some(elements) if elements.len() == first.len() => sorted(&elements),
        _ => Tree::Null,
    });
    from_tree(&Tree::Array(all.collect()))
}

/// Numbers come before text and text before the rest, whichever way each kind is sorted.
fn element_order(a: &Tree, b: &Tree, descending: bool) -> Ordering {
    let kind = |element: &Tree| match element {
        Tree::Number(_) => 0,
        Tree::String(_) => 1,
        _ => 2,
    };
    let order = match (a, b) {
        (Tree::String(a), Tree::String(b)) => a.cmp(b),
        (Tree::Number(_), Tree::Number(_)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        _ => return kind(a).cmp(&kind(b)),
    };
    if descending { order.reverse() } else { order }
}

/// Shifts elements out at one end and the default, null if none, in at the other.
fn shift<'a>(args: &[Value<'a>], direction: i64) -> Value<'a> {
    let (Some(elements), Some(by)) = (array(&args[0]), convert::to_long(&args[1])) else {
        return Value::Null;
    };
    let default = args.get(2).map_or(Tree::Null, to_tree);
    let by = by.saturating_mul(direction);
    let at = |n: usize| {
        let from = (n as i64).saturating_add(by);
        usize::try_from(from).ok().and_then(|from| elements.get(from)).unwrap_or(&default).clone()
    };
    from_tree(&Tree::Array((0..elements.len()).map(at).collect()))
}

/// Splits before each of the given positions; negative ones count from the end.
fn split<'a>(args: &[Value<'a>]) -> Value<'a> {
    let Some(elements) = array(&args[0]) else { return Value::Null };
    let count = elements.len() as i64;
    let positions: Vec<i64> = match tree(&args[1]) {
        Some(Tree::Array(positions)) => positions.iter().filter_map(Tree::as_i64).collect(),
        _ => convert::to_long(&args[1]).into_iter().collect(),
    };
    let mut parts = Vec::with_capacity(positions.len() + 1);
    let mut from = 0;
    for position in positions {
        let at = if position < 0 { position + count } else { position }.clamp(from, count);
        parts.push(Tree::Array(elements[from as usize..at as usize].to_vec()));
        from = at;
    }
    parts.push(Tree::Array(elements[from as usize..].to_vec()));
    from_tree(&Tree::Array(parts))
}

fn iff<'a>(args: &[Value<'a>]) -> Value<'a> {
    let Some(conditions) = array(&args[0]) else { return Value::Null };
    let pick = |value: &Value<'_>, at: usize| match tree(value) {
        Some(Tree::Array(elements)) => elements.get(at).cloned().unwrap_or(Tree::Null),
        _ => to_tree(value),
    };
    let chosen = conditions.iter().enumerate().map(|(at, condition)| match condition {
        Tree::Bool(condition) => pick(&args[if *condition { 1 } else { 2 }], at),
        Tree::Number(number) => pick(&args[if number.as_f64() != Some(0.0) { 1 } else { 2 }], at),
        _ => Tree::Null,
    });
    from_tree(&Tree::Array(chosen.collect()))
}

fn range<'a>(args: &[Value<'a>]) -> Value<'a> {
    let whole = |value: &Value<'_>| {
        matches!(value, Value::Int(_) | Value::Long(_) | Value::DateTime(_) | Value::TimeSpan(_))
    };
    let default = match &args[0] {
        Value::DateTime(_) | Value::TimeSpan(_) => return times(args),
        _ => Value::Long(1),
    };
    let step = args.get(2).unwrap_or(&default);
    if whole(&args[0]) && whole(&args[1]) && whole(step) {
        let (Some(from), Some(to), Some(by)) =
            (convert::to_long(&args[0]), convert::to_long(&args[1]), convert::to_long(step))
        else {
            return Value::Null;
        };
        let numbers = numbers(from, to, by).map(Tree::from);
        return from_tree(&Tree::Array(numbers.collect()));
    }
    let (Some(from), Some(to), Some(by)) =
        (convert::to_real(&args[0]), convert::to_real(&args[1]), convert::to_real(step))
    else {
        return Value::Null;
    };
    let count = ((to - from) / by).floor();
    if !count.is_finite() || count < 0.0 {
        return Value::dynamic("[]");
    }
    let numbers = (0..=(count as i64).min(REPEAT_MAX - 1)).map(|n| Tree::from(from + n as f64 * by));
    from_tree(&Tree::Array(numbers.collect()))
}

fn times<'a>(args: &[Value<'a>]) -> Value<'a> {
    const HOUR: i64 = 3600 * bartizan_base::time::TICKS_PER_SECOND;
    let is_datetime = matches!(args[0], Value::DateTime(_));
    let default = Value::TimeSpan(HOUR);
    let (Some(from), Some(to), Some(by)) = (
        convert::to_long(&args[0]),
        convert::to_long(&args[1]),
        convert::to_long(args.get(2).unwrap_or(&default)),
    ) else {
        return Value::Null;
    };
    let texts = numbers(from, to, by).map(|ticks| {
        let value = if is_datetime { Value::DateTime(ticks) } else { Value::TimeSpan(ticks) };
        Tree::String(convert::text(value).into_owned())
    });
    from_tree(&Tree::Array(texts.collect()))
}

/// From `from` to `to`, both included, in steps; nothing when the step leads away.
fn numbers(from: i64, to: i64, by: i64) -> impl Iterator<Item = i64> {
    let count = match by {
        0 => 0,
        _ => {
            let span = i128::from(to) - i128::from(from);
            let steps = span / i128::from(by);
            if span != 0 && (span < 0) != (by < 0) { 0 } else { steps + 1 }
        }
    };
    (0..count.min(i128::from(REPEAT_MAX)) as i64).map(move |n| from + n * by)
}
