//! `scan`: sequences of rows that match step after step.
//!
//! Each step holds the state of one sequence that has come as far as it: the last row that matched it, and
//! those of the steps before. A row is tried against the steps from the last to the first. At each, it
//! either takes over the sequence of the step before (which moves on, leaving nothing behind), or renews
//! the step's own row, or, at the first step, begins a sequence.
//!
//! Conditions that read no state are worked out for all rows at once; the others one row at a time, and
//! only where there is a sequence that could match.

mod condition;
mod record;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::compute::take;
use arrow::row::{RowConverter, SortField};
use bartizan_kql::bound::{Scan, ScanOutput};
use bartizan_schema::KqlType;
use datafusion::error::DataFusionError;

use super::{Rows, Task};
use crate::error::QueryError;
use crate::lower::to_scalar_value;
use crate::value::{ColumnBuilder, Reader, Value};

use condition::{Condition, Formula};
use record::{Frame, Record};

/// Rows between looks at the interrupt.
const ROWS_PER_CHECK: usize = 1024;
/// What a row given or held costs besides its values, about.
const RECORD_BYTES: usize = 256;
/// Bytes that are given between questions for memory.
const PORTION_BYTES: usize = 1 << 20;
/// Values of rows that are given are there twice: with the row, and in the columns that are made of them.
const COPIES: usize = 2;

/// A sequence on its way.
#[derive(Clone, Default)]
struct Sequence {
    id: i64,
    /// The last row that matched each step so far.
    records: Vec<Option<Record>>,
    /// Of a step with `output=last`: the row it will give when it matches no more.
    waiting: Option<Record>,
}

/// A row that is given.
struct Given {
    record: Record,
    id: i64,
    step: usize,
}

/// The sequences of one partition, by the step they have come to, and the number of the next one.
#[derive(Clone, Default)]
struct Partition {
    at: Vec<Option<Sequence>>,
    next_id: i64,
}

/// A step, ready to run.
struct Step {
    optional: bool,
    output: ScanOutput,
    condition: Condition,
    assignments: Vec<(usize, Formula)>,
}

struct Scanner<'s> {
    frame: Frame<'s>,
    steps: Vec<Step>,
    given: Vec<Given>,
    /// What the rows given take.
    given_bytes: usize,
}

pub(super) fn run(scan: &Scan, input: &Rows, task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let mut unset: Vec<ArrayRef> = Vec::with_capacity(scan.declared.len());
    for declared in &scan.declared {
        let literal = task.context.constant(&declared.value)?;
        unset.push(to_scalar_value(&literal, declared.value.ty).to_array()?);
    }
    let frame = Frame::new(scan, input, unset.into());
    let steps = scan
        .steps
        .iter()
        .map(|step| {
            Ok(Step {
                optional: step.optional,
                output: step.output,
                condition: Condition::new(&step.condition, &frame, task)?,
                assignments: step
                    .assignments
                    .iter()
                    .map(|(at, value)| Ok((*at, Formula::value(value, &frame, task)?)))
                    .collect::<Result<_, QueryError>>()?,
            })
        })
        .collect::<Result<Vec<_>, QueryError>>()?;
    let (members, count) = partitions(scan, input, &frame, task)?;
    let empty = Partition { at: vec![None; steps.len()], next_id: 0 };
    task.memory.try_grow(count * (size_of::<Partition>() + steps.len() * size_of::<Sequence>()))?;
    let mut partitions = vec![empty; count];
    let mut scanner = Scanner { frame, steps, given: Vec::new(), given_bytes: 0 };
    let mut charged = 0;
    for row in 0..input.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        if row % ROWS_PER_CHECK == 0 || scanner.given_bytes - charged >= PORTION_BYTES {
            task.memory.try_grow(scanner.given_bytes - charged)?;
            charged = scanner.given_bytes;
        }
        let member = members.as_ref().map_or(0, |members| members[row]);
        scanner.row(row, &mut partitions[member])?;
    }
    for partition in &mut partitions {
        for step in 0..scanner.steps.len() {
            scanner.dismiss(partition.at[step].take(), step);
        }
    }
    scanner.given.sort_by_key(|given| given.record.row);
    output(scan, input, &scanner.given)
}

impl Scanner<'_> {
    fn row(&mut self, row: usize, partition: &mut Partition) -> Result<(), QueryError> {
        for step in (0..self.steps.len()).rev() {
            if !self.steps[step].condition.may_match(row) {
                continue;
            }
            if self.advance(row, step, partition)? {
                continue;
            }
            self.renew(row, step, partition)?;
        }
        Ok(())
    }

    /// Moves the sequence of an earlier step on to this one, if the row lets it.
    fn advance(&mut self, row: usize, step: usize, partition: &mut Partition) -> Result<bool, QueryError> {
        // optional steps in between may be passed over
        let mut from = step;
        loop {
            if from == 0 {
                return Ok(false);
            }
            from -= 1;
            if partition.at[from].is_some() || !self.steps[from].optional {
                break;
            }
        }
        let Some(sequence) = &partition.at[from] else { return Ok(false) };
        if !self.steps[step].condition.matches(row, &sequence.records, &self.frame)? {
            return Ok(false);
        }
        let Some(mut sequence) = partition.at[from].take() else { return Ok(false) };
        self.settle(&mut sequence, from);
        let cleared = partition.at[step].take();
        self.dismiss(cleared, step);
        let record = self.record(row, step, &sequence.records)?;
        self.hold(&mut sequence, step, record);
        partition.at[step] = Some(sequence);
        Ok(true)
    }

    /// Renews the row of a sequence that is at this step, or begins one at the first.
    fn renew(&mut self, row: usize, step: usize, partition: &mut Partition) -> Result<(), QueryError> {
        let first = self.steps[..step].iter().all(|step| step.optional);
        let none = Sequence::default();
        let current = partition.at[step].as_ref();
        if current.is_none() && !first {
            return Ok(());
        }
        let records = &current.unwrap_or(&none).records;
        if !self.steps[step].condition.matches(row, records, &self.frame)? {
            return Ok(());
        }
        let record = self.record(row, step, records)?;
        let mut sequence = partition.at[step].take().unwrap_or_default();
        if step == 0 || sequence.records.is_empty() {
            sequence.id = partition.next_id;
            partition.next_id += 1;
        }
        self.hold(&mut sequence, step, record);
        partition.at[step] = Some(sequence);
        Ok(())
    }

    /// The row with the values that the step assigns.
    fn record(&self, row: usize, step: usize, records: &[Option<Record>]) -> Result<Record, QueryError> {
        let assignments = &self.steps[step].assignments;
        if assignments.is_empty() {
            return Ok(Record { row, declared: Arc::clone(&self.frame.unset) });
        }
        let mut declared = self.frame.unset.to_vec();
        for (at, formula) in assignments {
            declared[*at] = compact(formula.compute(row, records, &self.frame)?);
        }
        Ok(Record { row, declared: declared.into() })
    }

    /// Makes a row the last one of its step, and gives it when its step gives all.
    fn hold(&mut self, sequence: &mut Sequence, step: usize, record: Record) {
        sequence.records.resize(self.steps.len(), None);
        sequence.records[step] = Some(record.clone());
        match self.steps[step].output {
            ScanOutput::All => self.give(record, sequence.id, step),
            ScanOutput::Last => sequence.waiting = Some(record),
            ScanOutput::None => {}
        }
    }

    /// Gives the row that a step with `output=last` has waited with.
    fn settle(&mut self, sequence: &mut Sequence, step: usize) {
        if let Some(record) = sequence.waiting.take() {
            self.give(record, sequence.id, step);
        }
    }

    fn give(&mut self, record: Record, id: i64, step: usize) {
        // values that nothing was assigned to are those of all rows
        let assigned = record.declared.iter().zip(self.frame.unset.iter());
        let values = assigned.filter(|(value, unset)| !Arc::ptr_eq(value, unset));
        let bytes: usize = values.map(|(value, _)| value.get_array_memory_size()).sum();
        self.given_bytes += RECORD_BYTES + COPIES * bytes;
        self.given.push(Given { record, id, step });
    }

    fn dismiss(&mut self, sequence: Option<Sequence>, step: usize) {
        if let Some(mut sequence) = sequence {
            self.settle(&mut sequence, step);
        }
    }
}

/// One value in as much memory as it needs: a text has room for thousands of characters after it was made.
fn compact(value: ArrayRef) -> ArrayRef {
    match value.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => value,
    }
}

/// Which partition each row belongs to (`None`: all to one), and how many there are.
fn partitions(
    scan: &Scan,
    input: &Rows,
    frame: &Frame<'_>,
    task: &Task<'_>,
) -> Result<(Option<Vec<usize>>, usize), QueryError> {
    if scan.partition.is_empty() {
        return Ok((None, 1));
    }
    let mut keys = Vec::with_capacity(scan.partition.len());
    for by in &scan.partition {
        keys.push(Formula::value(by, frame, task)?.compute_all(frame)?);
    }
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(DataFusionError::from)?;
    let encoded = converter.convert_columns(&keys).map_err(DataFusionError::from)?;
    task.memory.try_grow(encoded.size() + input.len() * size_of::<usize>())?;
    let mut places = std::collections::HashMap::new();
    let mut members = Vec::with_capacity(input.len());
    for row in 0..input.len() {
        let next = places.len();
        members.push(*places.entry(encoded.row(row)).or_insert(next));
    }
    Ok((Some(members), places.len()))
}

/// The columns of the rows that are given.
fn output(scan: &Scan, input: &Rows, given: &[Given]) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = UInt64Array::from_iter_values(given.iter().map(|given| given.record.row as u64));
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(scan.inputs + scan.declared.len() + 2);
    for column in input.batch.columns() {
        arrays.push(take(column, &rows, None).map_err(DataFusionError::from)?);
    }
    for (at, declared) in scan.declared.iter().enumerate() {
        let ty = declared.value.ty;
        let mut builder = ColumnBuilder::new(ty, given.len());
        for given in given {
            builder.push(Reader::new(&given.record.declared[at], ty, true)?.get(0));
        }
        arrays.push(builder.finish());
    }
    if scan.with_match_id {
        let mut builder = ColumnBuilder::new(KqlType::Long, given.len());
        given.iter().for_each(|given| builder.push(Value::Long(given.id)));
        arrays.push(builder.finish());
    }
    if scan.with_step_name {
        let mut builder = ColumnBuilder::new(KqlType::String, given.len());
        given.iter().for_each(|given| builder.push(Value::string(scan.steps[given.step].name.as_str())));
        arrays.push(builder.finish());
    }
    Ok(arrays)
}
