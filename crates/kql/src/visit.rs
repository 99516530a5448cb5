//! Walks over bound trees: what a relation and an expression are made of.

use crate::bound::{PathSegment, Rel, Scalar, ScalarKind};

/// The relations directly below, without those inside expressions.
pub fn inputs(rel: &Rel) -> Vec<&Rel> {
    match rel {
        Rel::Table { .. }
        | Rel::Rows { .. }
        | Rel::Print { .. }
        | Rel::Range { .. }
        | Rel::Unsupported { .. } => Vec::new(),
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::Summarize { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Take { input, .. }
        | Rel::TakeWithin { input, .. }
        | Rel::Serialize { input }
        | Rel::Sample { input, .. }
        | Rel::Shared { input, .. } => vec![input],
        Rel::Join(join) => vec![&join.left, &join.right],
        Rel::Union { inputs, .. } => inputs.iter().collect(),
        Rel::MvExpand(expand) => vec![&expand.input],
        Rel::Parse(parse) => vec![&parse.input],
        Rel::Whole(whole) => whole.inputs.iter().collect(),
    }
}

/// The expressions of a relation itself.
pub fn scalars(rel: &Rel) -> Vec<&Scalar> {
    match rel {
        Rel::Print { items } | Rel::Project { items, .. } => items.iter().map(|item| &item.value).collect(),
        Rel::Range { start, stop, step, .. } => vec![start, stop, step],
        Rel::Filter { predicate, .. } => vec![predicate],
        Rel::Summarize { keys, aggregates, .. } => {
            let args = aggregates.iter().flat_map(|aggregate| &aggregate.args);
            keys.iter().map(|key| &key.value).chain(args).collect()
        }
        Rel::Sort { keys, .. } => keys.iter().map(|key| &key.value).collect(),
        Rel::Take { count, .. } | Rel::TakeWithin { count, .. } | Rel::Sample { count, .. } => vec![count],
        Rel::Join(join) => join.on.iter().flat_map(|(left, right)| [left, right]).collect(),
        Rel::MvExpand(expand) => expand.items.iter().map(|item| &item.value).collect(),
        Rel::Parse(parse) => vec![&parse.source],
        Rel::Whole(whole) => whole.operation.scalars(),
        Rel::Table { .. }
        | Rel::Rows { .. }
        | Rel::Union { .. }
        | Rel::Serialize { .. }
        | Rel::Shared { .. }
        | Rel::Unsupported { .. } => Vec::new(),
    }
}

/// The expressions directly below one, without those of relations inside it.
pub fn operands(scalar: &Scalar) -> Vec<&Scalar> {
    match &scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => Vec::new(),
        ScalarKind::Call { args, .. } => args.iter().collect(),
        ScalarKind::InRelation { value, .. } => vec![value],
        ScalarKind::Path { value, segments } => {
            let keys = segments.iter().filter_map(|segment| match segment {
                PathSegment::Dynamic(key) => Some(key.as_ref()),
                PathSegment::Key(_) | PathSegment::Index(_) => None,
            });
            std::iter::once(value.as_ref()).chain(keys).collect()
        }
    }
}

/// [`operands`], to be rewritten in place.
pub fn operands_mut(scalar: &mut Scalar) -> Vec<&mut Scalar> {
    match &mut scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => Vec::new(),
        ScalarKind::Call { args, .. } => args.iter_mut().collect(),
        ScalarKind::InRelation { value, .. } => vec![value],
        ScalarKind::Path { value, segments } => {
            let keys = segments.iter_mut().filter_map(|segment| match segment {
                PathSegment::Dynamic(key) => Some(key.as_mut()),
                PathSegment::Key(_) | PathSegment::Index(_) => None,
            });
            std::iter::once(value.as_mut()).chain(keys).collect()
        }
    }
}

/// [`inputs`], to be rewritten in place.
pub fn inputs_mut(rel: &mut Rel) -> Vec<&mut Rel> {
    match rel {
        Rel::Table { .. }
        | Rel::Rows { .. }
        | Rel::Print { .. }
        | Rel::Range { .. }
        | Rel::Unsupported { .. } => Vec::new(),
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::Summarize { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Take { input, .. }
        | Rel::TakeWithin { input, .. }
        | Rel::Serialize { input }
        | Rel::Sample { input, .. }
        | Rel::Shared { input, .. } => vec![input],
        Rel::Join(join) => vec![&mut join.left, &mut join.right],
        Rel::Union { inputs, .. } => inputs.iter_mut().collect(),
        Rel::MvExpand(expand) => vec![&mut expand.input],
        Rel::Parse(parse) => vec![&mut parse.input],
        Rel::Whole(whole) => whole.inputs.iter_mut().collect(),
    }
}

/// [`scalars`], to be rewritten in place.
pub fn scalars_mut(rel: &mut Rel) -> Vec<&mut Scalar> {
    match rel {
        Rel::Print { items } | Rel::Project { items, .. } => {
            items.iter_mut().map(|item| &mut item.value).collect()
        }
        Rel::Range { start, stop, step, .. } => vec![start, stop, step],
        Rel::Filter { predicate, .. } => vec![predicate],
        Rel::Summarize { keys, aggregates, .. } => {
            let args = aggregates.iter_mut().flat_map(|aggregate| &mut aggregate.args);
            keys.iter_mut().map(|key| &mut key.value).chain(args).collect()
        }
        Rel::Sort { keys, .. } => keys.iter_mut().map(|key| &mut key.value).collect(),
        Rel::Take { count, .. } | Rel::TakeWithin { count, .. } | Rel::Sample { count, .. } => vec![count],
        Rel::Join(join) => join.on.iter_mut().flat_map(|(left, right)| [left, right]).collect(),
        Rel::MvExpand(expand) => expand.items.iter_mut().map(|item| &mut item.value).collect(),
        Rel::Parse(parse) => vec![&mut parse.source],
        Rel::Whole(whole) => whole.operation.scalars_mut(),
        Rel::Table { .. }
        | Rel::Rows { .. }
        | Rel::Union { .. }
        | Rel::Serialize { .. }
        | Rel::Shared { .. }
        | Rel::Unsupported { .. } => Vec::new(),
    }
}

/// [`sub_relations`], to be rewritten in place.
pub fn sub_relations_mut(scalar: &mut Scalar, found: &mut dyn FnMut(&mut Rel)) {
    match &mut scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) => {}
        ScalarKind::Call { args, .. } => args.iter_mut().for_each(|arg| sub_relations_mut(arg, found)),
        ScalarKind::Path { value, segments } => {
            sub_relations_mut(value, found);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    sub_relations_mut(key, found);
                }
            }
        }
        ScalarKind::InRelation { value, relation, .. } => {
            sub_relations_mut(value, found);
            found(relation);
        }
        ScalarKind::ToScalar(relation) => found(relation),
    }
}

/// Calls `found` with each relation inside an expression: those of `toscalar` and of `in (Table)`.
pub fn sub_relations<'a>(scalar: &'a Scalar, found: &mut dyn FnMut(&'a Rel)) {
    match &scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) => {}
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| sub_relations(arg, found)),
        ScalarKind::Path { value, segments } => {
            sub_relations(value, found);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    sub_relations(key, found);
                }
            }
        }
        ScalarKind::InRelation { value, relation, .. } => {
            sub_relations(value, found);
            found(relation);
        }
        ScalarKind::ToScalar(relation) => found(relation),
    }
}

/// Calls `seen` with every relation: inputs, those inside expressions, and those that are run per group.
pub fn relations<'a>(rel: &'a Rel, seen: &mut dyn FnMut(&'a Rel)) {
    seen(rel);
    for input in inputs(rel) {
        relations(input, seen);
    }
    for scalar in scalars(rel) {
        sub_relations(scalar, &mut |inner| relations(inner, seen));
    }
    if let Rel::Whole(whole) = rel {
        for inner in whole.operation.per_group() {
            relations(inner, seen);
        }
    }
}
