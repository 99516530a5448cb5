//! `reduce`: one row per pattern, or each row with its pattern.

use std::sync::Arc;

use arrow::array::ArrayRef;
use bartizan_analytics::text::patterns::{self, Pattern, Patterns};
use bartizan_kql::bound::{Reduce, ScalarKind};
use bartizan_schema::KqlType;

use super::{Rows, Task};
use crate::error::QueryError;
use crate::value::{ColumnBuilder, Reader, Value};

/// The pattern of texts that belong to none.
const OTHERS: &str = "others";
/// What is held for each text: its terms at their places.
const BYTES_PER_BYTE: usize = 8;

pub(super) fn run(reduce: &Reduce, input: &Rows, task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let reader = texts(reduce, input, task)?;
    let values: Vec<Value<'_>> = (0..input.len()).map(|row| reader.get(row)).collect();
    let texts: Vec<&str> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => text.as_ref(),
            _ => "",
        })
        .collect();
    task.memory.try_grow(texts.iter().map(|text| text.len()).sum::<usize>() * BYTES_PER_BYTE)?;
    let found = patterns::find(&texts, reduce.threshold, &reduce.separators, || task.interrupt().check())?;
    let mut out = Columns::new(if reduce.keep_rows { texts.len() } else { found.patterns.len() + 1 });
    if reduce.keep_rows {
        let others = others(&found);
        for of in &found.of {
            match of {
                Some(at) => out.pattern(&found.patterns[*at], &texts),
                None => out.push(OTHERS, others, ""),
            }
        }
        // the texts themselves are the last column
        let kept = input.batch.columns().split_last().map_or(&[][..], |(_, kept)| kept);
        let kept = kept.iter().map(Arc::clone);
        return Ok(kept.chain(out.finish()).collect());
    }
    for pattern in &found.patterns {
        out.pattern(pattern, &texts);
    }
    match others(&found) {
        0 => {}
        others => out.push(OTHERS, others, ""),
    }
    Ok(out.finish().collect())
}

/// How many texts have no pattern.
fn others(found: &Patterns) -> usize {
    found.of.iter().filter(|of| of.is_none()).count()
}

/// The binder has put the texts into a column.
fn texts(reduce: &Reduce, input: &Rows, task: &Task<'_>) -> Result<Reader, QueryError> {
    match reduce.value.kind {
        ScalarKind::Column(at) if at < input.columns.len() => input.reader(at),
        _ => Err(task.unsupported("reduce by an expression")),
    }
}

struct Columns {
    patterns: ColumnBuilder,
    counts: ColumnBuilder,
    representatives: ColumnBuilder,
}

impl Columns {
    fn new(rows: usize) -> Self {
        Self {
            patterns: ColumnBuilder::new(KqlType::String, rows),
            counts: ColumnBuilder::new(KqlType::Long, rows),
            representatives: ColumnBuilder::new(KqlType::String, rows),
        }
    }

    fn pattern(&mut self, pattern: &Pattern, texts: &[&str]) {
        self.push(&pattern.text, pattern.count, texts[pattern.representative]);
    }

    fn push(&mut self, pattern: &str, count: usize, representative: &str) {
        self.patterns.push(Value::string(pattern));
        self.counts.push(Value::Long(i64::try_from(count).unwrap_or(i64::MAX)));
        self.representatives.push(Value::string(representative));
    }

    fn finish(self) -> impl Iterator<Item = ArrayRef> {
        [self.patterns, self.counts, self.representatives].into_iter().map(ColumnBuilder::finish)
    }
}
