//! `scan`: what its steps see, and the columns it gives.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Named, Operation, Rel, Scalar, Scan, ScanOutput, ScanStep, Whole};
use crate::span::Span;
use crate::syntax::ast::{self, Expr, ExprKind, Name, ParameterType};
use crate::syntax::codes;

use super::scalar::converted;
use super::scope::Table;
use super::union::setting_word;
use super::{Binder, Inherited};

/// Steps one `scan` may have: the state of each holds a row of every step before it.
const STEPS_MAX: usize = 64;

/// How the names of steps' columns begin in the scope of the steps; no query can write it.
const STEP: &str = "$step\u{1}";

fn qualified(step: &str, column: &str) -> String {
    format!("{STEP}{step}\u{1}{column}")
}

/// Whether a column is one of a step.
pub(super) fn is_step_column(name: &str) -> bool {
    name.starts_with(STEP)
}

impl Binder<'_> {
    pub(super) fn scan(&mut self, input: Table, scan: &ast::Scan, span: Span) -> Table {
        if scan.steps.len() > STEPS_MAX {
            let message = format!("`scan` takes at most {STEPS_MAX} steps");
            let hint =
                Some("let one `scan` find the first steps, and another one behind it the rest".to_owned());
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, hint);
            return self.failed(span);
        }
        let input = if scan.order_by.is_empty() { input } else { self.sort(input, &scan.order_by, span) };
        let partition = self.over(&input, |binder| {
            scan.partition_by.iter().map(|by| binder.scalar(unnamed(by))).collect::<Vec<_>>()
        });
        let declared = self.scan_declared(scan, &input);
        let seen = seen_by_steps(&input, &declared, scan);
        let steps: Vec<ScanStep> = self
            .over(&seen, |binder| scan.steps.iter().map(|step| binder.scan_step(step, &declared)).collect());

        let mut columns = input.columns.clone();
        columns
            .extend(declared.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }));
        let match_id = setting_word(&scan.settings, &["with_match_id"]);
        let step_name = setting_word(&scan.settings, &["with_step_name"]);
        let (with_match_id, with_step_name) = (match_id.is_some(), step_name.is_some());
        columns.extend(match_id.map(|name| ColumnSchema { name, ty: KqlType::Long }));
        columns.extend(step_name.map(|name| ColumnSchema { name, ty: KqlType::String }));
        let mut taken = std::collections::HashSet::new();
        if let Some(twice) = columns.iter().find(|column| !taken.insert(column.name.as_str())) {
            let name = twice.name.clone();
            self.duplicate(&name, span);
            return self.failed(span);
        }

        let inputs = input.columns.len();
        let scan = Scan { inputs, declared, partition, steps, with_match_id, with_step_name };
        let inherited = Inherited::from(&input);
        let whole = Whole {
            inputs: vec![input.rel],
            operation: Operation::Scan(scan),
            columns: columns.clone(),
            span,
        };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }

    fn scan_declared(&mut self, scan: &ast::Scan, input: &Table) -> Vec<Named> {
        let mut declared: Vec<Named> = Vec::new();
        for parameter in &scan.declare {
            let ParameterType::Scalar(ty) = parameter.ty else {
                let message = "`scan` declares columns, not tables";
                self.errors.error(codes::NOT_SCALAR, parameter.name.span, message);
                continue;
            };
            if input.columns.iter().any(|column| column.name == parameter.name.text) {
                self.duplicate(&parameter.name.text, parameter.name.span);
            }
            let value = match &parameter.default {
                Some(default) => self.apart(|binder| binder.scalar(default)),
                None => super::absent(ty, parameter.name.span),
            };
            declared.push(Named { name: parameter.name.text.clone(), value: converted(value, ty) });
        }
        declared
    }

    fn scan_step(&mut self, step: &ast::ScanStep, declared: &[Named]) -> ScanStep {
        let condition = self.predicate(&step.condition);
        let mut assignments = Vec::new();
        for assignment in &step.assignments {
            let ExprKind::Assign { names, value, .. } = &assignment.kind else {
                let message = "a step assigns values to declared columns: `name = value`";
                self.errors.error(codes::EXPECTED, assignment.span, message);
                continue;
            };
            let value = self.scalar(value);
            let Some(name) = names.first() else { continue };
            match declared.iter().position(|item| item.name == name.text) {
                Some(at) => assignments.push((at, converted(value, declared[at].value.ty))),
                None => {
                    let hint = Some(format!("add it: declare ({}: {})", name.text, value.ty));
                    let message = format!("`{}` is not declared by this `scan`", name.text);
                    self.errors.error_with_hint(codes::UNKNOWN_COLUMN, name.span, message, hint);
                }
            }
        }
        let output = match step.output {
            ast::ScanOutput::All => ScanOutput::All,
            ast::ScanOutput::Last => ScanOutput::Last,
            ast::ScanOutput::None => ScanOutput::None,
        };
        ScanStep { name: step.name.text.clone(), optional: step.optional, output, condition, assignments }
    }

    /// `step.column` inside `scan`.
    pub(super) fn step_column(&self, base: &Expr, column: &Name, span: Span) -> Option<Scalar> {
        let ExprKind::Name(step) = &base.kind else { return None };
        if !self.row().has_steps {
            return None;
        }
        let at = self.row().position(&qualified(step, &column.text))?;
        Some(Scalar::column(at, self.row().columns[at].ty, span))
    }
}

/// A partition key may be given a name, which means nothing here.
fn unnamed(by: &Expr) -> &Expr {
    match &by.kind {
        ExprKind::Assign { value, .. } => value,
        _ => by,
    }
}

/// The columns that conditions and assignments see, as [`Scan`] lists them.
fn seen_by_steps(input: &Table, declared: &[Named], scan: &ast::Scan) -> Table {
    let own: Vec<ColumnSchema> = input
        .columns
        .iter()
        .cloned()
        .chain(declared.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }))
        .collect();
    let mut columns = own.clone();
    for step in &scan.steps {
        let step = &step.name.text;
        columns.extend(
            own.iter().map(|column| ColumnSchema { name: qualified(step, &column.name), ty: column.ty }),
        );
    }
    Table { columns, ..input.clone() }
}
