//! `evaluate schema_merge(…)`: several schemas, as `getschema` gives them, to one.

use arrow::array::ArrayRef;
use bartizan_kql::bound::Literal;
use bartizan_schema::KqlType;

use super::super::{Rows, Task};
use super::COLUMNS_MAX;
use crate::error::QueryError;
use crate::functions::convert::text;
use crate::value::{ColumnBuilder, Value};

/// A column of the merged schema.
struct Merged {
    name: String,
    /// Where the first schema with this column has it.
    ordinal: i64,
    /// Where a schema has it that has it furthest behind: columns keep behind those that precede them.
    furthest: i64,
    data_type: String,
    column_type: String,
    problem: Option<&'static str>,
}

const OUT_OF_ORDER: &str = "columns are out of order";
const TYPES_DIFFER: &str = "column types cannot be reduced to one";

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let keeps_order = task.constant(0)? != Literal::Bool(false);
    let readers = (0..rows.columns.len()).map(|at| rows.reader(at)).collect::<Result<Vec<_>, _>>()?;
    let mut merged: Vec<Merged> = Vec::new();
    for row in 0..rows.len() {
        let cell = |at: usize| text(readers[at].get(row)).into_owned();
        let (name, data_type, column_type) = (cell(0), cell(2), cell(3));
        let ordinal = match readers[1].get(row) {
            Value::Long(ordinal) => ordinal,
            _ => -1,
        };
        match merged.iter().position(|known| known.name == name) {
            Some(at) => merged[at].meet(ordinal, data_type, column_type, keeps_order),
            None if merged.len() < COLUMNS_MAX => {
                merged.push(Merged {
                    name,
                    ordinal,
                    furthest: ordinal,
                    data_type,
                    column_type,
                    problem: None,
                });
            }
            None => return Err(super::too_many_columns("schema_merge")),
        }
    }
    Ok(table(merged))
}

impl Merged {
    /// Takes in the same column of another schema.
    fn meet(&mut self, ordinal: i64, data_type: String, column_type: String, keeps_order: bool) {
        self.furthest = self.furthest.max(ordinal);
        if keeps_order && ordinal != self.ordinal {
            self.problem = self.problem.or(Some(OUT_OF_ORDER));
        } else if column_type != self.column_type {
            match wider(&self.column_type, &column_type) {
                Some(true) => (self.data_type, self.column_type) = (data_type, column_type),
                Some(false) => {}
                None => self.problem = self.problem.or(Some(TYPES_DIFFER)),
            }
        }
    }
}

/// Whether the second of two types holds both; `None` when neither does.
fn wider(known: &str, next: &str) -> Option<bool> {
    const NUMBERS: [&str; 3] = ["int", "long", "real"];
    let rank = |ty: &str| NUMBERS.iter().position(|number| *number == ty);
    Some(rank(next)? > rank(known)?)
}

/// Sound columns are numbered anew; those with a problem follow and have -1.
fn table(mut merged: Vec<Merged>) -> Vec<ArrayRef> {
    merged.sort_by_key(|column| column.furthest);
    let (sound, broken): (Vec<_>, Vec<_>) = merged.into_iter().partition(|column| column.problem.is_none());
    let count = sound.len() + broken.len();
    let text = || ColumnBuilder::new(KqlType::String, count);
    let (mut names, mut data_types, mut column_types) = (text(), text(), text());
    let mut ordinals = ColumnBuilder::new(KqlType::Long, count);
    for (at, column) in sound.iter().chain(&broken).enumerate() {
        names.push(Value::string(column.name.as_str()));
        match column.problem {
            None => {
                ordinals.push(Value::Long(at as i64));
                data_types.push(Value::string(column.data_type.as_str()));
                column_types.push(Value::string(column.column_type.as_str()));
            }
            Some(problem) => {
                ordinals.push(Value::Long(-1));
                // as the service prints it
                data_types.push(Value::string(format!("ERROR(unknown CSL type:ERROR({problem}))")));
                column_types.push(Value::string(format!("ERROR({problem})")));
            }
        }
    }
    vec![names.finish(), ordinals.finish(), data_types.finish(), column_types.finish()]
}
