//! Property: aggregating parts and merging them gives what aggregating everything gives, for every
//! aggregate of ours, however rows are dealt out and however results are taken away.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int32Array, Int64Array, StringViewArray,
};
use bartizan_analytics::sketch::Hll;
use bartizan_schema::KqlType;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::bags::Merge;
use super::collect::{Collect, Collection};
use super::distinct::{self, Distinct};
use super::extreme::{Extreme, Pick};
use super::grouped::{Definition, Many};
use super::mean::MeanTicks;
use super::percentile::{self, Percentile, Point};
use super::sets::{Give, SetOf};
use crate::functions::sketch;

const ROWS: usize = 600;
const GROUPS: usize = 7;

/// A small linear congruential generator: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn column<T>(&mut self, kinds: usize, value: impl Fn(usize) -> T) -> Vec<Option<T>> {
        (0..ROWS).map(|_| Some(self.below(kinds + 1)).filter(|at| *at < kinds).map(&value)).collect()
    }
}

fn longs(dice: &mut Dice, kinds: usize) -> ArrayRef {
    Arc::new(Int64Array::from(dice.column(kinds, |at| at as i64 * 7 - 20)))
}

fn texts(dice: &mut Dice, kinds: usize) -> ArrayRef {
    let text = |at: usize| if at == 0 { String::new() } else { format!("a text of some length {at}") };
    Arc::new(dice.column(kinds, text).into_iter().collect::<StringViewArray>())
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(1..=ROWS as i64))
}

/// Deals the rows out to `parts`, merges those, and compares.
fn check<D: Definition>(definition: D, columns: &[ArrayRef], dice: &mut Dice) {
    let groups: Vec<usize> = (0..ROWS).map(|_| dice.below(GROUPS - 1)).collect();
    let counted: BooleanArray = (0..ROWS).map(|_| Some(dice.below(4) > 0)).collect();
    let start = || Many::new(definition.clone());

    let mut whole = start();
    whole.update_batch(columns, &groups, Some(&counted), GROUPS).unwrap();
    let wanted = whole.evaluate(EmitTo::All).unwrap();
    assert_eq!(wanted.len(), GROUPS);

    for parts in [1, 3] {
        let of_row: Vec<usize> = (0..ROWS).map(|_| dice.below(parts)).collect();
        let mut merged = start();
        for part in 0..parts {
            let keep: BooleanArray =
                (0..ROWS).map(|row| Some(of_row[row] == part && counted.value(row))).collect();
            let mut partial = start();
            // Batches of uneven length.
            for (from, to) in [(0, 10), (10, 11), (11, ROWS)] {
                let piece: Vec<ArrayRef> =
                    columns.iter().map(|column| column.slice(from, to - from)).collect();
                let keep = keep.slice(from, to - from);
                partial.update_batch(&piece, &groups[from..to], Some(&keep), GROUPS).unwrap();
            }
            let first = partial.state(EmitTo::First(2)).unwrap();
            let rest = partial.state(EmitTo::All).unwrap();
            merged.merge_batch(&first, &[0, 1], GROUPS).unwrap();
            merged.merge_batch(&rest, &(2..GROUPS).collect::<Vec<_>>(), GROUPS).unwrap();
        }
        let first = merged.evaluate(EmitTo::First(3)).unwrap();
        let rest = merged.evaluate(EmitTo::All).unwrap();
        let got = arrow::compute::concat(&[&first, &rest]).unwrap();
        assert_eq!(&got, &wanted, "{definition:?} in {parts} parts");
        assert!(merged.size() < 1 << 20);
    }
    let states = start().convert_to_state(columns, Some(&counted)).unwrap();
    let mut merged = start();
    merged.merge_batch(&states, &groups, GROUPS).unwrap();
    assert_eq!(&merged.evaluate(EmitTo::All).unwrap(), &wanted, "{definition:?} row by row");
}

#[test]
fn extremes() {
    let dice = &mut Dice(1);
    for pick in [Pick::Greatest, Pick::Least, Pick::AnyFilled] {
        let types = [KqlType::Long, KqlType::String];
        check(Extreme::new(pick, &types), &[numbers(), longs(dice, 9), texts(dice, 50)], dice);
        let reals = Float64Array::from(dice.column(9, |at| at as f64 - 4.5));
        check(Extreme::new(pick, &[KqlType::Real]), &[numbers(), Arc::new(reals)], dice);
        check(Extreme::new(pick, &[KqlType::String]), &[numbers(), texts(dice, 30)], dice);
    }
}

#[test]
fn collections() {
    let dice = &mut Dice(2);
    for max in [3, 1 << 20] {
        let columns = |dice: &mut Dice| -> Vec<(KqlType, ArrayRef)> {
            vec![
                (KqlType::Long, longs(dice, 40)),
                (KqlType::String, texts(dice, 40)),
                (KqlType::Bool, Arc::new(BooleanArray::from(dice.column(2, |at| at == 1)))),
                (KqlType::Int, Arc::new(Int32Array::from(dice.column(20, |at| at as i32)))),
                (KqlType::Real, Arc::new(Float64Array::from(dice.column(9, |at| at as f64 / 2.0)))),
            ]
        };
        for (of, column) in columns(dice) {
            let list = Collect { collection: Collection::List, of, max };
            check(list, &[Arc::clone(&column), numbers()], dice);
            let set = SetOf { of, give: Give::Set, max, ordered: true };
            check(set, &[Arc::clone(&column), numbers()], dice);
            // Without an order any members may stay, but all are counted.
            check(SetOf { of, give: Give::Size, max, ordered: false }, &[column], dice);
        }
    }
    let json = StringViewArray::from_iter(dice.column(5, |at| format!("[{at},null,{{\"k\":{at}}}]")));
    let json: ArrayRef = Arc::new(json);
    let list = Collect { collection: Collection::ListWithNulls, of: KqlType::Dynamic, max: 1 << 20 };
    check(list, &[Arc::clone(&json), numbers()], dice);
    let set = SetOf { of: KqlType::Dynamic, give: Give::Set, max: 1 << 20, ordered: true };
    check(set, &[Arc::clone(&json), numbers()], dice);
    check(SetOf { of: KqlType::Dynamic, give: Give::Size, max: 1 << 20, ordered: false }, &[json], dice);
}

#[test]
fn sets_without_an_order_keep_no_more_than_they_may() {
    let dice = &mut Dice(5);
    let mut sets = Many::new(SetOf { of: KqlType::String, give: Give::Set, max: 3, ordered: false });
    sets.update_batch(&[texts(dice, 40)], &[0; ROWS], None, 1).unwrap();
    let first = sets.evaluate(EmitTo::All).unwrap();
    let members: Vec<String> = serde_json::from_str(first.as_string_view().value(0)).unwrap();
    assert_eq!(members.len(), 3);
    // what was taken away is gone
    sets.update_batch(&[texts(dice, 2)], &[0; ROWS], None, 1).unwrap();
    let second = sets.evaluate(EmitTo::All).unwrap();
    let mut members: Vec<String> = serde_json::from_str(second.as_string_view().value(0)).unwrap();
    members.sort();
    assert_eq!(members, ["", "a text of some length 1"]);
}

#[test]
fn sketches() {
    let dice = &mut Dice(3);
    for give in [distinct::Give::Count, distinct::Give::Sketch] {
        for accuracy in 0..5 {
            let of = |ty| Distinct { from: distinct::From::Values(ty), give, accuracy };
            check(of(KqlType::Long), &[longs(dice, 300)], dice);
            check(of(KqlType::String), &[texts(dice, 300)], dice);
        }
        let sketch_of = |at: usize| {
            let mut set = Hll::with_accuracy(1).unwrap();
            for value in 0..at * 400 {
                set.insert(bartizan_analytics::sketch::hash_u64(value as u64));
            }
            sketch::write_hll(&set)
        };
        let merge = Distinct { from: distinct::From::Sketches, give, accuracy: 1 };
        let texts = StringViewArray::from_iter(dice.column(5, sketch_of));
        check(merge, &[Arc::new(texts)], dice);
    }
    let weights: ArrayRef = Arc::new(Int64Array::from(dice.column(4, |at| at as i64)));
    for give in [
        percentile::Give::Columns(vec![Point::new(5.0), Point::new(50.0)]),
        percentile::Give::List(vec![Point::new(99.0)]),
        percentile::Give::Sketch,
    ] {
        for ty in [KqlType::Long, KqlType::DateTime, KqlType::TimeSpan] {
            let percentile = Percentile { of: Some(ty), give: give.clone() };
            check(percentile, &[longs(dice, 100), Arc::clone(&weights)], dice);
        }
    }
}

#[test]
fn means_and_bags() {
    let dice = &mut Dice(4);
    check(MeanTicks, &[longs(dice, 100)], dice);
    // One value per key: which of several stays is not promised.
    let bags = |dice: &mut Dice| {
        let bag = |at: usize| if at == 0 { "[1]".to_owned() } else { format!("{{\"k\":{{\"v{at}\":1}}}}") };
        Arc::new(StringViewArray::from_iter(dice.column(2, bag))) as ArrayRef
    };
    check(Merge::Bag { keys_max: 10 }, &[bags(dice)], dice);
    let same = StringViewArray::from_iter(dice.column(1, |_| "{\"a\":[1,\"x\"],\"b\":null}".to_owned()));
    check(Merge::Schema, &[Arc::new(same)], dice);
}
