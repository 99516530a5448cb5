//! Drops columns that nobody asks for, inputs without rows, and columns that hold one constant, before anything is
//! lowered.
//!
//! DataFusion prunes too, but only after it has built and rewritten the whole plan: `union *` over a workspace of a
//! hundred tables has three thousand columns in a hundred inputs, and planning those takes minutes. Here the
//! bound tree is cut first, by position, which costs one walk. What is constant in the result never reaches
//! DataFusion: [`crate::output`] fills it in.

mod passing;
mod union;

use std::cell::RefCell;
use std::collections::HashMap;

use bartizan_kql::Span;
use bartizan_kql::bound::{
    ColumnSchema, Join, JoinSide, Named, NamedAggregate, PathSegment, Rel, Scalar, ScalarKind,
};
use bartizan_schema::KqlType;

use crate::lower::Context;
use crate::subquery;
use union::Part;

/// Where a column of a relation is after cutting.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Nobody asked for it.
    Gone,
    At(usize),
    /// Every row has this literal.
    Fixed(Scalar),
}

/// A relation after cutting, and where its old output columns are now.
#[derive(Debug)]
pub(crate) struct Kept {
    pub rel: Rel,
    pub places: Vec<Place>,
}

/// Which columns of each shared relation any of its users reads.
pub(crate) type Wanted = HashMap<u32, Vec<bool>>;

/// Cuts one result of a query. The context knows the tables at the query's snapshot, and what is computed
/// already; `uses` tells how often each shared relation occurs in the whole query. Those that are computed
/// once are cut to what `wanted` has of them, and stay whole without it.
pub(crate) fn prune(
    root: Rel,
    context: &Context,
    uses: &HashMap<u32, usize>,
    wanted: Option<&Wanted>,
) -> Kept {
    let cutter = Cutter { context, uses, wanted: wanted.cloned().map(RefCell::new) };
    let all = vec![true; root.columns().len()];
    cutter.cut(root, &all)
}

/// What the results of a query read of its shared relations. One that is read by another one may turn out to
/// be read more widely, so this looks until nothing is added.
pub(crate) fn wanted_of_shared<'a>(
    roots: impl Iterator<Item = &'a Rel> + Clone,
    context: &Context,
    uses: &HashMap<u32, usize>,
) -> Wanted {
    let mut wanted = Wanted::new();
    while uses.values().any(|uses| *uses > 1) {
        let cutter = Cutter { context, uses, wanted: Some(RefCell::new(wanted.clone())) };
        for root in roots.clone() {
            cutter.cut(root.clone(), &vec![true; root.columns().len()]);
        }
        let found = cutter.wanted.map(RefCell::into_inner).unwrap_or_default();
        if found == wanted {
            break;
        }
        wanted = found;
    }
    wanted
}

struct Cutter<'a> {
    context: &'a Context,
    /// How often each shared relation occurs.
    uses: &'a HashMap<u32, usize>,
    /// What shared relations are cut to; grows by what is asked for.
    wanted: Option<RefCell<Wanted>>,
}

impl Cutter<'_> {
    fn cut(&self, rel: Rel, needed: &[bool]) -> Kept {
        match rel {
            Rel::Table { name, columns, span } => {
                let places = places(needed);
                Kept { rel: Rel::Table { name, columns: filter(columns, &places), span }, places }
            }
            Rel::Print { items } => {
                let places = places(needed);
                let mut items = filter(items, &places);
                items.iter_mut().for_each(|item| self.inside(&mut item.value));
                Kept { rel: Rel::Print { items }, places }
            }
            Rel::Project { input, items } => self.project(*input, items, needed),
            Rel::Filter { input, mut predicate } => {
                let mut wanted = needed.to_vec();
                mark(&predicate, &mut wanted);
                let Kept { rel, places } = self.cut(*input, &wanted);
                self.renumber(&mut predicate, &places);
                Kept { rel: Rel::Filter { input: Box::new(rel), predicate }, places }
            }
            Rel::Sort { input, mut keys } => {
                let mut wanted = needed.to_vec();
                keys.iter().for_each(|key| mark(&key.value, &mut wanted));
                let Kept { rel, places } = self.cut(*input, &wanted);
                keys.iter_mut().for_each(|key| self.renumber(&mut key.value, &places));
                Kept { rel: Rel::Sort { input: Box::new(rel), keys }, places }
            }
            Rel::Take { input, mut count } => {
                self.inside(&mut count);
                let Kept { rel, places } = self.cut(*input, needed);
                Kept { rel: Rel::Take { input: Box::new(rel), count }, places }
            }
            Rel::TakeWithin { input, mut keys, mut count } => {
                self.inside(&mut count);
                let mut wanted = at_least_one(needed);
                keys.iter().for_each(|at| wanted[*at] = true);
                let Kept { rel, places } = self.solid(*input, &wanted);
                for at in &mut keys {
                    if let Place::At(place) = places[*at] {
                        *at = place;
                    }
                }
                Kept { rel: Rel::TakeWithin { input: Box::new(rel), keys, count }, places }
            }
            Rel::Sample { input, mut count } => {
                self.inside(&mut count);
                let Kept { rel, places } = self.cut(*input, needed);
                Kept { rel: Rel::Sample { input: Box::new(rel), count }, places }
            }
            Rel::Serialize { input } => {
                let Kept { rel, places } = self.cut(*input, needed);
                Kept { rel: Rel::Serialize { input: Box::new(rel) }, places }
            }
            Rel::Union { inputs, columns } => self.union(inputs, columns, &at_least_one(needed)),
            Rel::Summarize { input, mut keys, mut aggregates } => {
                let mut wanted = vec![false; input.columns().len()];
                let places = aggregate_places(keys.len(), &mut aggregates, needed);
                keys.iter().for_each(|key| mark(&key.value, &mut wanted));
                aggregates.iter().flat_map(|one| &one.args).for_each(|arg| mark(arg, &mut wanted));
                let input = self.solid(*input, &wanted);
                keys.iter_mut().for_each(|key| self.renumber(&mut key.value, &input.places));
                let args = aggregates.iter_mut().flat_map(|one| &mut one.args);
                args.for_each(|arg| self.renumber(arg, &input.places));
                Kept { rel: Rel::Summarize { input: Box::new(input.rel), keys, aggregates }, places }
            }
            Rel::Join(join) => self.join(*join, needed),
            Rel::Shared { id, input } => {
                // A result that is computed once is one for all its users.
                let kept_for_all = self.uses.get(&id).is_some_and(|uses| *uses > 1);
                if kept_for_all && subquery::worth_keeping(&input) {
                    let wanted = self.wanted_of(id, needed);
                    let Kept { rel, places } = self.cut(*input, &wanted);
                    Kept { rel: Rel::Shared { id, input: Box::new(rel) }, places }
                } else {
                    self.cut(*input, needed)
                }
            }
            Rel::MvExpand(expand) => self.mv_expand(*expand, needed),
            Rel::Parse(parse) => self.parse(*parse, needed),
            Rel::Whole(mut whole) => {
                whole.inputs = whole.inputs.into_iter().map(|input| self.all(input)).collect();
                whole.operation.scalars_mut().into_iter().for_each(|scalar| self.inside(scalar));
                self::whole(Rel::Whole(whole))
            }
            Rel::Range { column, mut start, mut stop, mut step } => {
                [&mut start, &mut stop, &mut step].into_iter().for_each(|bound| self.inside(bound));
                whole(Rel::Range { column, start, stop, step })
            }
            rel @ (Rel::Rows { .. } | Rel::Unsupported { .. }) => whole(rel),
        }
    }

    /// What all users together need of a shared relation, with what one more needs.
    fn wanted_of(&self, id: u32, needed: &[bool]) -> Vec<bool> {
        let all = || vec![true; needed.len()];
        // rounds of binding that follow may ask for any column
        let Some(wanted) = self.wanted.as_ref().filter(|_| !self.context.kept.contains(&id)) else {
            return all();
        };
        let mut wanted = wanted.borrow_mut();
        let known = wanted.entry(id).or_insert_with(|| vec![false; needed.len()]);
        if known.len() != needed.len() {
            return all();
        }
        known.iter_mut().zip(needed).for_each(|(known, needed)| *known |= needed);
        known.clone()
    }

    fn project(&self, input: Rel, items: Vec<Named>, needed: &[bool]) -> Kept {
        let asked = places(needed);
        let items = filter(items, &asked);
        let mut wanted = vec![false; input.columns().len()];
        items.iter().for_each(|item| mark(&item.value, &mut wanted));
        let input = self.cut(input, &wanted);
        let mut values = items.into_iter();
        let mut kept: Vec<Named> = Vec::new();
        let mut found: Vec<Place> = Vec::with_capacity(asked.len());
        let mut spare = None;
        for place in asked {
            let item = if matches!(place, Place::Gone) { None } else { values.next() };
            let Some(mut item) = item else {
                found.push(Place::Gone);
                continue;
            };
            self.renumber(&mut item.value, &input.places);
            if matches!(item.value.kind, ScalarKind::Literal(_)) {
                found.push(Place::Fixed(item.value.clone()));
                spare = spare.or(Some(item));
            } else {
                found.push(Place::At(kept.len()));
                kept.push(item);
            }
        }
        if kept.is_empty() {
            // Rows must stay countable.
            kept.extend(spare);
        }
        Kept { rel: Rel::Project { input: Box::new(input.rel), items: kept }, places: found }
    }

    fn join(&self, join: Join, needed: &[bool]) -> Kept {
        let places = places(needed);
        let mut outputs = filter(join.outputs, &places);
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
        let left = self.solid(join.left, &left_wanted);
        let right = self.solid(join.right, &right_wanted);
        for (of_left, of_right) in &mut on {
            self.renumber(of_left, &left.places);
            self.renumber(of_right, &right.places);
        }
        for output in &mut outputs {
            let side = if output.from == JoinSide::Left { &left.places } else { &right.places };
            if let Place::At(at) = side[output.index] {
                output.index = at;
            }
        }
        let rel = Join { left: left.rel, right: right.rel, on, outputs, kind: join.kind, span: join.span };
        Kept { rel: Rel::Join(Box::new(rel)), places }
    }

    /// Inputs are matched by name. Those that surely have no rows are left out.
    fn union(&self, inputs: Vec<Rel>, columns: Vec<ColumnSchema>, needed: &[bool]) -> Kept {
        let index: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(at, column)| (column.name.as_str(), at)).collect();
        let mut parts = Vec::new();
        for input in inputs {
            let own: Vec<Option<usize>> =
                input.columns().iter().map(|column| index.get(column.name.as_str()).copied()).collect();
            let wanted: Vec<bool> = own.iter().map(|at| at.is_some_and(|at| needed[at])).collect();
            let Kept { rel, places } = self.cut(input, &at_least_one(&wanted));
            if !self.has_no_rows(&rel) {
                let places = own.into_iter().zip(places).filter_map(|(at, place)| Some((at?, place)));
                parts.push(Part { rel, places: places.collect() });
            }
        }
        union::joined(parts, columns, needed)
    }

    /// Cut, with the wanted columns that turn out constant put back: for relations that need real columns.
    fn solid(&self, rel: Rel, wanted: &[bool]) -> Kept {
        let columns = rel.columns();
        let kept = self.cut(rel, wanted);
        if !kept.places.iter().any(|place| matches!(place, Place::Fixed(_))) {
            return kept;
        }
        let mut items = Vec::new();
        let mut places = Vec::with_capacity(columns.len());
        for ((column, wanted), place) in columns.into_iter().zip(wanted).zip(&kept.places) {
            let value = value_at(place, column.ty).filter(|_| *wanted);
            places.push(if value.is_some() { Place::At(items.len()) } else { Place::Gone });
            items.extend(value.map(|value| Named { name: column.name, value }));
        }
        if items.is_empty() {
            return kept;
        }
        Kept { rel: Rel::Project { input: Box::new(kept.rel), items }, places }
    }

    /// The same relation with the same columns, cut inside.
    fn all(&self, rel: Rel) -> Rel {
        let all = vec![true; rel.columns().len()];
        self.solid(rel, &all).rel
    }

    /// Whether a relation surely has no rows: it reads a table without any, through operators that make none.
    fn has_no_rows(&self, rel: &Rel) -> bool {
        match rel {
            Rel::Table { name, .. } => self.context.is_empty(name),
            Rel::Rows { rows, .. } => rows.is_empty(),
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::Sort { input, .. }
            | Rel::Take { input, .. }
            | Rel::TakeWithin { input, .. }
            | Rel::Sample { input, .. }
            | Rel::Serialize { input } => self.has_no_rows(input),
            _ => false,
        }
    }

    /// Gives the columns of an expression their new places, and cuts its sub-queries.
    fn renumber(&self, scalar: &mut Scalar, places: &[Place]) {
        if let ScalarKind::Column(at) = &mut scalar.kind {
            match &places[*at] {
                Place::At(place) => *at = *place,
                Place::Fixed(literal) => scalar.kind = literal.kind.clone(),
                Place::Gone => debug_assert!(false, "columns that are read were marked as wanted"),
            }
            return;
        }
        self.inner(scalar, &|cutter, scalar| cutter.renumber(scalar, places));
    }

    /// Cuts the sub-queries of an expression whose columns stay where they are.
    fn inside(&self, scalar: &mut Scalar) {
        self.inner(scalar, &|cutter, scalar| cutter.inside(scalar));
    }

    fn inner(&self, scalar: &mut Scalar, each: &dyn Fn(&Self, &mut Scalar)) {
        match &mut scalar.kind {
            ScalarKind::Call { args, .. } => args.iter_mut().for_each(|arg| each(self, arg)),
            ScalarKind::Path { value, segments } => {
                each(self, value);
                for segment in segments {
                    if let PathSegment::Dynamic(key) = segment {
                        each(self, key);
                    }
                }
            }
            ScalarKind::InRelation { value, relation, .. } => {
                each(self, value);
                self.first_column(relation);
            }
            ScalarKind::ToScalar(relation) => match &mut **relation {
                // a value of its own: nothing but the first column of it is ever read
                Rel::Shared { input, .. } => self.first_column(input),
                relation => self.first_column(relation),
            },
            ScalarKind::Literal(_) | ScalarKind::Column(_) => {}
        }
    }

    /// Cuts a sub-query down to the one column that is read.
    fn first_column(&self, rel: &mut Rel) {
        let whole = std::mem::replace(rel, Rel::Print { items: Vec::new() });
        let wanted: Vec<bool> = (0..whole.columns().len()).map(|at| at == 0).collect();
        *rel = self.solid(whole, &wanted).rel;
    }
}

/// Leaves out aggregates that nobody asks for. Without keys all stay: one row there says that all is empty.
fn aggregate_places(keys: usize, aggregates: &mut Vec<NamedAggregate>, needed: &[bool]) -> Vec<Place> {
    let mut places: Vec<Place> = (0..keys).map(Place::At).collect();
    let (mut old, mut new) = (keys, keys);
    aggregates.retain(|aggregate| {
        let outputs = aggregate.outputs.len();
        let kept = keys == 0 || needed[old..old + outputs].contains(&true);
        old += outputs;
        for at in 0..outputs {
            places.push(if kept { Place::At(new + at) } else { Place::Gone });
        }
        new += if kept { outputs } else { 0 };
        kept
    });
    places
}

fn whole(rel: Rel) -> Kept {
    let places = (0..rel.columns().len()).map(Place::At).collect();
    Kept { rel, places }
}

/// The value of a column at its new place.
fn value_at(place: &Place, ty: KqlType) -> Option<Scalar> {
    match place {
        Place::Gone => None,
        Place::At(at) => Some(Scalar::column(*at, ty, Span::default())),
        Place::Fixed(literal) => Some(literal.clone()),
    }
}

fn same(a: &Scalar, b: &Scalar) -> bool {
    a.ty == b.ty && matches!((&a.kind, &b.kind), (ScalarKind::Literal(a), ScalarKind::Literal(b)) if a == b)
}

/// One column stays when none is asked for: rows must be countable.
fn at_least_one(needed: &[bool]) -> Vec<bool> {
    let none = !needed.contains(&true);
    needed.iter().enumerate().map(|(at, needed)| *needed || (none && at == 0)).collect()
}

/// Which old columns to keep, and their new places.
fn places(needed: &[bool]) -> Vec<Place> {
    let mut next = 0;
    let place = |needed: bool| {
        if !needed {
            return Place::Gone;
        }
        next += 1;
        Place::At(next - 1)
    };
    at_least_one(needed).into_iter().map(place).collect()
}

fn filter<T>(items: Vec<T>, places: &[Place]) -> Vec<T> {
    let kept = items.into_iter().zip(places).filter(|(_, place)| !matches!(place, Place::Gone));
    kept.map(|(item, _)| item).collect()
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
