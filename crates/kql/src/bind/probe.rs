//! What an editor asks of a binding: which columns and names a place sees, and what the name there means.
//! The text may be broken; the binder goes on behind each mistake, so most places have an answer.

use std::rc::Rc;

use crate::analysis::AnalyzeOptions;
use crate::bound::{ColumnSchema, Literal, Rel, Scalar};
use crate::catalog::Catalog;
use crate::span::Span;
use crate::syntax::Errors;
use crate::syntax::ast::{Lambda, ParameterType, Script};

use super::scope::{Binding, Table};
use super::{Binder, Bound, Inherited};

/// What was seen at a place.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    offset: usize,
    /// The columns the operator at the place reads, and that operator's span.
    input: Option<(Span, Vec<ColumnSchema>)>,
    /// The `let` names in view.
    pub(crate) names: Vec<(String, NameKind)>,
    /// The place is that of a table, where no columns are in view.
    pub(crate) wants_table: bool,
    /// What the name at the place means.
    pub(crate) meaning: Option<(Span, Meaning)>,
}

/// What a `let` name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    Value,
    Table,
    Function,
}

/// What a name means.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    Value(Scalar),
    Table(Vec<ColumnSchema>),
}

impl Probe {
    /// The columns in view.
    pub(crate) fn columns(&self) -> &[ColumnSchema] {
        self.input.as_ref().map_or(&[], |(_, columns)| columns)
    }
}

/// Binds a script for what it shows at `offset`.
pub(crate) fn probe(script: &Script, catalog: &dyn Catalog, offset: usize) -> Probe {
    let mut errors = Errors::default();
    let options = AnalyzeOptions::default();
    let mut binder = Binder::new(catalog, &options, &mut errors);
    binder.probe = Some(Probe { offset, ..Probe::default() });
    // the result does not matter, only what was seen on the way
    drop(binder.query(script));
    let top_level = binder.env.names();
    let mut probe = binder.probe.take().unwrap_or_default();
    if probe.names.is_empty() {
        probe.names = binder.kinds_of(top_level);
    }
    probe
}

impl Binder<'_> {
    fn kinds_of(&self, names: Vec<String>) -> Vec<(String, NameKind)> {
        let kind = |name: &str| match self.env.find(name) {
            Some(Binding::Table(_)) => NameKind::Table,
            Some(Binding::Function { .. }) => NameKind::Function,
            _ => NameKind::Value,
        };
        names.into_iter().map(|name| (name.clone(), kind(&name))).collect()
    }

    /// Remembers an operator's input when the place is inside; the innermost one wins.
    pub(super) fn probe_operator(&mut self, input: &Table, span: Span) {
        let Some(probe) = &self.probe else { return };
        let outer =
            probe.input.as_ref().is_none_or(|(known, _)| known.start <= span.start && span.end <= known.end);
        if outer && span.start <= probe.offset && probe.offset <= span.end {
            let names = self.kinds_of(self.env.names());
            if let Some(probe) = &mut self.probe {
                probe.input = Some((span, input.columns.clone()));
                probe.names = names;
            }
        }
    }

    /// Remembers what a name means when it is the one at the place.
    pub(super) fn probe_name(&mut self, span: Span, bound: &Bound) {
        let Some(probe) = &self.probe else { return };
        if span.start > probe.offset || probe.offset > span.end {
            return;
        }
        let wants_table = self.row().columns.is_empty();
        let names = self.kinds_of(self.env.names());
        let meaning = match bound {
            Bound::Scalar(value) => Meaning::Value(value.clone()),
            Bound::Table(table) => Meaning::Table(table.columns.clone()),
        };
        if let Some(probe) = &mut self.probe {
            probe.wants_table = wants_table;
            probe.names = names;
            probe.meaning = Some((span, meaning));
        }
    }

    /// A function that holds the place is bound where it is declared, with arguments of the declared types:
    /// nothing may call it yet.
    pub(super) fn probe_lambda(&mut self, name: &str, lambda: &Lambda) {
        let Some(probe) = &self.probe else { return };
        if lambda.span.start > probe.offset || probe.offset > lambda.span.end {
            return;
        }
        let mut given = Vec::new();
        for parameter in &lambda.parameters {
            let span = parameter.name.span;
            let binding = match &parameter.ty {
                ParameterType::Scalar(ty) => {
                    Binding::Scalar { value: Scalar::literal(Literal::Null, *ty, span), rows: None }
                }
                ParameterType::Tabular { columns, open } => {
                    let columns = self.declared_columns(columns);
                    let rel = Rel::Rows { columns: columns.clone(), rows: Vec::new() };
                    let inherited = Inherited { open: *open, time_alias: false, cost: 0, depth: 0 };
                    Binding::Table(self.derive(rel, columns, inherited, span))
                }
            };
            given.push((parameter.name.text.clone(), binding));
        }
        let env = Rc::clone(&self.env);
        drop(self.inline(name, lambda, &env, given, lambda.span));
    }
}
