//! Expressions over a row and the state of a sequence.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use bartizan_kql::bound::{PathSegment, Scalar, ScalarKind};
use bartizan_schema::KqlType;
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use super::record::{Frame, Record};
use crate::error::QueryError;
use crate::types::arrow_field;
use crate::whole::Task;

/// A compiled expression and the columns it reads.
pub(super) struct Formula {
    compiled: Arc<dyn PhysicalExpr>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Formula {
    /// An expression for its value.
    pub(super) fn value(scalar: &Scalar, frame: &Frame<'_>, task: &Task<'_>) -> Result<Self, QueryError> {
        Self::compile(task.context.scalar(scalar, &frame.columns)?, &[scalar], frame)
    }

    fn compile(expr: Expr, from: &[&Scalar], frame: &Frame<'_>) -> Result<Self, QueryError> {
        let mut read = BTreeSet::new();
        from.iter().for_each(|scalar| columns_of(scalar, &mut read));
        let columns: Vec<usize> = read.into_iter().collect();
        let fields: Vec<_> =
            columns.iter().map(|at| arrow_field(&frame.columns[*at].name, frame.columns[*at].ty)).collect();
        let schema = Arc::new(Schema::new(fields));
        let named = DFSchema::try_from(Arc::clone(&schema))?;
        let properties = ExecutionProps::new();
        let context = PhysicalPlanningContext::default();
        let compiled = create_physical_expr(&expr, &named, &properties, &context)?;
        Ok(Self { compiled, columns, schema })
    }

    /// The value for one row and one sequence, as an array of one element.
    pub(super) fn compute(
        &self,
        row: usize,
        records: &[Option<Record>],
        frame: &Frame<'_>,
    ) -> Result<ArrayRef, QueryError> {
        let arrays = self.columns.iter().map(|at| frame.one(*at, row, records));
        self.evaluate(arrays.collect::<Result<_, _>>()?, 1)
    }

    /// The values for all rows, of an expression that reads no state.
    pub(super) fn compute_all(&self, frame: &Frame<'_>) -> Result<ArrayRef, QueryError> {
        let arrays = self.columns.iter().map(|at| frame.all(*at)).collect::<Result<_, _>>()?;
        self.evaluate(arrays, frame.input.len())
    }

    fn evaluate(&self, arrays: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef, QueryError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(DataFusionError::from)?;
        Ok(self.compiled.evaluate(&batch)?.into_array(rows)?)
    }
}

/// A condition in two parts, both of which must hold.
pub(super) struct Condition {
    /// Of the row alone, for every row.
    row_alone: Option<BooleanArray>,
    /// What reads the state.
    stateful: Option<Formula>,
}

impl Condition {
    pub(super) fn new(scalar: &Scalar, frame: &Frame<'_>, task: &Task<'_>) -> Result<Self, QueryError> {
        let mut terms = Vec::new();
        conjuncts(scalar, &mut terms);
        let (stateful, alone): (Vec<&Scalar>, Vec<&Scalar>) = terms.into_iter().partition(|term| {
            let mut read = BTreeSet::new();
            columns_of(term, &mut read);
            read.into_iter().any(|column| frame.is_state(column))
        });
        let formula = |terms: &[&Scalar]| -> Result<Option<Formula>, QueryError> {
            let exprs = terms
                .iter()
                .map(|term| task.context.predicate(term, &frame.columns))
                .collect::<Result<Vec<_>, _>>()?;
            exprs.into_iter().reduce(Expr::and).map(|expr| Formula::compile(expr, terms, frame)).transpose()
        };
        let row_alone = match formula(&alone)? {
            Some(formula) => Some(formula.compute_all(frame)?.as_boolean().clone()),
            None => None,
        };
        Ok(Self { row_alone, stateful: formula(&stateful)? })
    }

    /// Whether the row can match at all; cheap.
    pub(super) fn may_match(&self, row: usize) -> bool {
        self.row_alone.as_ref().is_none_or(|alone| is_true(alone, row))
    }

    /// Whether a row that may match does so for the records of a sequence.
    pub(super) fn matches(
        &self,
        row: usize,
        records: &[Option<Record>],
        frame: &Frame<'_>,
    ) -> Result<bool, QueryError> {
        match &self.stateful {
            Some(formula) => Ok(is_true(formula.compute(row, records, frame)?.as_boolean(), 0)),
            None => Ok(true),
        }
    }
}

fn is_true(values: &BooleanArray, at: usize) -> bool {
    values.is_valid(at) && values.value(at)
}

/// The terms that `and` joins.
fn conjuncts<'s>(scalar: &'s Scalar, into: &mut Vec<&'s Scalar>) {
    match &scalar.kind {
        ScalarKind::Call { function: "and", args } if scalar.ty == KqlType::Bool => {
            args.iter().for_each(|arg| conjuncts(arg, into));
        }
        _ => into.push(scalar),
    }
}

fn columns_of(scalar: &Scalar, into: &mut BTreeSet<usize>) {
    match &scalar.kind {
        ScalarKind::Column(at) => {
            into.insert(*at);
        }
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| columns_of(arg, into)),
        ScalarKind::Path { value, segments } => {
            columns_of(value, into);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    columns_of(key, into);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => columns_of(value, into),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}
