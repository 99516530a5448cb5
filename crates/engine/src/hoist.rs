//! What is read of a row's dynamics is read once for the row, not for each row that `mv-expand` makes of it.
//!
//! In `… | mv-expand item = d.list | summarize count() by tostring(item), tostring(d.owner)` the path to the owner
//! does not depend on the element. Worked out below the expansion it is found once, and `d`, which is long, need
//! not be carried above. Paths and conversions only: they are cheap for rows that an empty list drops, never
//! fail, and make nothing longer than what they read.

use bartizan_kql::bound::{ColumnSchema, MvExpand, Named, PathSegment, Rel, Scalar, ScalarKind};
use bartizan_kql::visit::{inputs_mut, operands_mut, scalars_mut, sub_relations_mut};

use crate::functions::registry::is_conversion;

/// Moves paths below `mv-expand`, everywhere in a result.
pub(crate) fn hoist(root: &mut Rel) {
    Hoist { made: 0 }.relation(root);
}

struct Hoist {
    /// Columns made so far.
    made: usize,
}

impl Hoist {
    /// From the top: what is moved below one expansion may be moved below the next one too.
    fn relation(&mut self, rel: &mut Rel) {
        self.out_of(rel);
        for scalar in scalars_mut(rel) {
            sub_relations_mut(scalar, &mut |inner| self.relation(inner));
        }
        for input in inputs_mut(rel) {
            self.relation(input);
        }
    }

    /// Moves what can be out of the expressions of `rel`, if its rows come from an expansion.
    fn out_of(&mut self, rel: &mut Rel) {
        let (Rel::Project { input, .. } | Rel::Summarize { input, .. }) = &*rel else { return };
        let Rel::MvExpand(expand) = &**input else { return };
        let mut moved = Moved { from: sources(expand), first: expand.columns.len(), values: Vec::new() };
        scalars_mut(rel).into_iter().for_each(|scalar| moved.search(scalar));
        if moved.values.is_empty() {
            return;
        }
        let (Rel::Project { input, .. } | Rel::Summarize { input, .. }) = rel else { return };
        if let Rel::MvExpand(expand) = &mut **input {
            self.below(expand, moved.values);
        }
    }

    /// Adds values over the input's columns as columns that are passed on, the last ones.
    fn below(&mut self, expand: &mut MvExpand, values: Vec<Scalar>) {
        let none = Rel::Rows { columns: Vec::new(), rows: Vec::new() };
        let input = std::mem::replace(&mut expand.input, none);
        let passed = input.columns().into_iter().enumerate().map(|(at, column)| Named {
            value: Scalar::column(at, column.ty, values[0].span),
            name: column.name,
        });
        let mut items: Vec<Named> = passed.collect();
        for value in values {
            // hidden from queries by its control character
            let name = format!("\u{1}moved{}", self.made);
            self.made += 1;
            expand.columns.push(ColumnSchema { name: name.clone(), ty: value.ty });
            items.push(Named { name, value });
        }
        expand.input = Rel::Project { input: Box::new(input), items };
    }
}

/// For each column of an expansion, the input's column that it passes on.
fn sources(expand: &MvExpand) -> Vec<Option<usize>> {
    let inputs = expand.input.columns();
    let source = |(at, column): (usize, &ColumnSchema)| {
        let is_made = expand.items.iter().any(|item| item.output == at);
        if is_made { None } else { inputs.iter().position(|from| from.name == column.name) }
    };
    expand.columns.iter().enumerate().map(source).collect()
}

/// Values that were taken out of expressions.
struct Moved {
    from: Vec<Option<usize>>,
    /// The position of the first one's column.
    first: usize,
    /// Over the columns of the expansion's input.
    values: Vec<Scalar>,
}

impl Moved {
    /// Replaces the largest parts of an expression that can be moved.
    fn search(&mut self, scalar: &mut Scalar) {
        if let Some(value) = self.movable(scalar).filter(has_path) {
            let known = self.values.iter().position(|known| same(known, &value));
            let at = known.unwrap_or(self.values.len());
            if known.is_none() {
                self.values.push(value);
            }
            *scalar = Scalar::column(self.first + at, scalar.ty, scalar.span);
            return;
        }
        operands_mut(scalar).into_iter().for_each(|operand| self.search(operand));
    }

    /// The expression over the input's columns: constant steps from a column that is passed on, and conversions.
    fn movable(&self, scalar: &Scalar) -> Option<Scalar> {
        let kind = match &scalar.kind {
            ScalarKind::Column(at) => ScalarKind::Column(self.from.get(*at).copied().flatten()?),
            ScalarKind::Path { value, segments } => {
                let constant = |segment: &PathSegment| !matches!(segment, PathSegment::Dynamic(_));
                let segments = segments.iter().all(constant).then(|| segments.clone())?;
                ScalarKind::Path { value: Box::new(self.movable(value)?), segments }
            }
            ScalarKind::Call { function, args } if is_conversion(function) => {
                let [arg] = &args[..] else { return None };
                ScalarKind::Call { function, args: vec![self.movable(arg)?] }
            }
            _ => return None,
        };
        Some(Scalar { kind, ty: scalar.ty, span: scalar.span })
    }
}

fn has_path(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Path { .. } => true,
        ScalarKind::Call { args, .. } => args.iter().any(has_path),
        _ => false,
    }
}

/// Whether two values that can be moved are the same one, wherever they are written.
fn same(a: &Scalar, b: &Scalar) -> bool {
    a.ty == b.ty
        && match (&a.kind, &b.kind) {
            (ScalarKind::Column(a), ScalarKind::Column(b)) => a == b,
            (ScalarKind::Call { function: f, args: a }, ScalarKind::Call { function: g, args: b }) => {
                f == g && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (
                ScalarKind::Path { value: a, segments: steps },
                ScalarKind::Path { value: b, segments: others },
            ) => {
                let step = |(a, b): (&PathSegment, &PathSegment)| match (a, b) {
                    (PathSegment::Key(a), PathSegment::Key(b)) => a == b,
                    (PathSegment::Index(a), PathSegment::Index(b)) => a == b,
                    _ => false,
                };
                same(a, b) && steps.len() == others.len() && steps.iter().zip(others).all(step)
            }
            _ => false,
        }
}
