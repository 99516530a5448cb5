//! Drops columns that nobody asks for, before anything is lowered.
//!
//! DataFusion prunes too, but only after it has built and rewritten the whole plan: `union *` over a workspace of a
//! hundred tables has three thousand columns in a hundred inputs, and planning those takes minutes. Here the
//! bound tree is cut first, by position, which costs one walk.

use bartizan_kql::bound::{Join, JoinSide, Named, PathSegment, Rel, Scalar, ScalarKind};

/// The same relation with the same output columns, whose inner relations carry only what is used.
pub(crate) fn prune(root: Rel) -> Rel {
    let width = root.columns().len();
    let kept = cut(root, &vec![true; width]);
    debug_assert_eq!(kept.rel.columns().len(), width, "a root keeps all its columns");
    kept.rel
}

/// A relation after cutting, and where its old output columns are now.
struct Kept {
    rel: Rel,
    place: Vec<Option<usize>>,
}

impl Kept {
    fn whole(rel: Rel) -> Self {
        let place = (0..rel.columns().len()).map(Some).collect();
        Self { rel, place }
    }
}

/// Which old columns to keep, and their new places. One stays when none is asked for: rows must be countable.
fn places(needed: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0;
    let none = !needed.contains(&true);
    needed
        .iter()
        .enumerate()
        .map(|(at, needed)| {
            let keep = *needed || (none && at == 0);
            keep.then(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}

fn filter<T>(items: Vec<T>, place: &[Option<usize>]) -> Vec<T> {
    items.into_iter().zip(place).filter(|(_, place)| place.is_some()).map(|(item, _)| item).collect()
}

fn cut(rel: Rel, needed: &[bool]) -> Kept {
    match rel {
        Rel::Table { name, columns, span } => {
            let place = places(needed);
            Kept { rel: Rel::Table { name, columns: filter(columns, &place), span }, place }
        }
        Rel::Print { items } => {
            let place = places(needed);
            Kept { rel: Rel::Print { items: filter(items, &place) }, place }
        }
        Rel::Filter { input, mut predicate } => {
            let mut wanted = needed.to_vec();
            mark(&predicate, &mut wanted);
            let input = cut(*input, &wanted);
            renumber(&mut predicate, &input.place);
            Kept { rel: Rel::Filter { input: Box::new(input.rel), predicate }, place: input.place }
        }
        Rel::Project { input, items } => {
            let place = places(needed);
            let (input, items) = project(*input, filter(items, &place));
            Kept { rel: Rel::Project { input: Box::new(input), items }, place }
        }
        Rel::Summarize { input, mut keys, mut aggregates } => {
            let mut wanted = vec![false; input.columns().len()];
            keys.iter().for_each(|key| mark(&key.value, &mut wanted));
            aggregates.iter().flat_map(|one| &one.args).for_each(|arg| mark(arg, &mut wanted));
            let input = cut(*input, &wanted);
            keys.iter_mut().for_each(|key| renumber(&mut key.value, &input.place));
            aggregates.iter_mut().flat_map(|one| &mut one.args).for_each(|arg| renumber(arg, &input.place));
            Kept::whole(Rel::Summarize { input: Box::new(input.rel), keys, aggregates })
        }
        Rel::Sort { input, mut keys } => {
            let mut wanted = needed.to_vec();
            keys.iter().for_each(|key| mark(&key.value, &mut wanted));
            let input = cut(*input, &wanted);
            keys.iter_mut().for_each(|key| renumber(&mut key.value, &input.place));
            Kept { rel: Rel::Sort { input: Box::new(input.rel), keys }, place: input.place }
        }
        Rel::Take { input, count } => {
            let input = cut(*input, needed);
            Kept { rel: Rel::Take { input: Box::new(input.rel), count }, place: input.place }
        }
        Rel::Sample { input, count } => {
            let input = cut(*input, needed);
            Kept { rel: Rel::Sample { input: Box::new(input.rel), count }, place: input.place }
        }
        Rel::Serialize { input } => {
            let input = cut(*input, needed);
            Kept { rel: Rel::Serialize { input: Box::new(input.rel) }, place: input.place }
        }
        Rel::Union { inputs, columns } => {
            let place = places(needed);
            let wanted: Vec<bool> = place.iter().map(Option::is_some).collect();
            let columns = filter(columns, &place);
            let inputs = inputs.into_iter().map(|input| exactly(input, &wanted)).collect();
            Kept { rel: Rel::Union { inputs, columns }, place }
        }
        Rel::Join(join) => join_cut(*join, needed),
        // A shared result is one for all its users; the others number their own outputs.
        whole @ (Rel::Rows { .. }
        | Rel::Range { .. }
        | Rel::MvExpand(_)
        | Rel::Parse(_)
        | Rel::Shared { .. }
        | Rel::Unsupported { .. }) => Kept::whole(within(whole)),
    }
}

/// Relations that are kept whole still have inner ones worth cutting.
fn within(rel: Rel) -> Rel {
    match rel {
        Rel::MvExpand(mut expand) => {
            expand.input = prune(expand.input);
            Rel::MvExpand(expand)
        }
        Rel::Parse(mut parse) => {
            parse.input = prune(parse.input);
            Rel::Parse(parse)
        }
        Rel::Shared { id, input } => Rel::Shared { id, input: Box::new(prune(*input)) },
        other => other,
    }
}

/// Cuts the input of a projection down to what its items use.
fn project(input: Rel, mut items: Vec<Named>) -> (Rel, Vec<Named>) {
    let mut wanted = vec![false; input.columns().len()];
    items.iter().for_each(|item| mark(&item.value, &mut wanted));
    let input = cut(input, &wanted);
    items.iter_mut().for_each(|item| renumber(&mut item.value, &input.place));
    (input.rel, items)
}

/// Exactly the wanted columns, in order: what a union needs of each input.
fn exactly(input: Rel, wanted: &[bool]) -> Rel {
    let columns = input.columns();
    let kept = cut(input, wanted);
    let width = wanted.iter().filter(|wanted| **wanted).count();
    if kept.rel.columns().len() == width {
        return kept.rel;
    }
    let items = columns
        .into_iter()
        .zip(wanted)
        .zip(&kept.place)
        .filter(|((_, wanted), _)| **wanted)
        .filter_map(|((column, _), place)| {
            Some(Named {
                value: Scalar::column((*place)?, column.ty, bartizan_kql::Span::default()),
                name: column.name,
            })
        })
        .collect();
    Rel::Project { input: Box::new(kept.rel), items }
}

fn join_cut(join: Join, needed: &[bool]) -> Kept {
    let place = places(needed);
    let mut outputs = filter(join.outputs, &place);
    let mut left_wanted = vec![false; join.left.columns().len()];
    let mut right_wanted = vec![false; join.right.columns().len()];
    for output in &outputs {
        match output.from {
            JoinSide::Left => left_wanted[output.index] = true,
            JoinSide::Right => right_wanted[output.index] = true,
        }
    }
    let mut on = join.on;
    for (left, right) in &on {
        mark(left, &mut left_wanted);
        mark(right, &mut right_wanted);
    }
    let left = cut(join.left, &left_wanted);
    let right = cut(join.right, &right_wanted);
    for (of_left, of_right) in &mut on {
        renumber(of_left, &left.place);
        renumber(of_right, &right.place);
    }
    for output in &mut outputs {
        let place = if output.from == JoinSide::Left { &left.place } else { &right.place };
        output.index = place[output.index].expect("outputs were marked as wanted");
    }
    let rel = Join { left: left.rel, right: right.rel, on, outputs, kind: join.kind, span: join.span };
    Kept { rel: Rel::Join(Box::new(rel)), place }
}

/// Marks the columns that an expression reads.
fn mark(scalar: &Scalar, wanted: &mut [bool]) {
    match &scalar.kind {
        ScalarKind::Column(at) => wanted[*at] = true,
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| mark(arg, wanted)),
        ScalarKind::Path { value, segments } => {
            mark(value, wanted);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    mark(key, wanted);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => mark(value, wanted),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}

/// Gives the columns of an expression their new places.
fn renumber(scalar: &mut Scalar, place: &[Option<usize>]) {
    match &mut scalar.kind {
        ScalarKind::Column(at) => *at = place[*at].expect("columns that are read were marked as wanted"),
        ScalarKind::Call { args, .. } => args.iter_mut().for_each(|arg| renumber(arg, place)),
        ScalarKind::Path { value, segments } => {
            renumber(value, place);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    renumber(key, place);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => renumber(value, place),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}
