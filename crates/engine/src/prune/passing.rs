//! Operators that pass columns on and make some of their own: `mv-expand` and `parse`.

use bartizan_kql::bound::{ColumnSchema, MvExpand, Parse, ParsePart, Rel, Scalar};

use super::{Cutter, Kept, Place, filter, mark, places, whole};

impl Cutter<'_> {
    /// Expanded columns stay: they decide how many rows there are.
    pub(super) fn mv_expand(&self, mut expand: MvExpand, needed: &[bool]) -> Kept {
        let made: Vec<usize> = expand.items.iter().map(|item| item.output).collect();
        let inputs = expand.input.columns();
        let index = expand.item_index.clone().filter(|name| inputs.iter().all(|column| column.name != *name));
        let is_made = |at: usize, name: &str| made.contains(&at) || index.as_deref() == Some(name);
        let needed: Vec<bool> = expand
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| needed[at] || is_made(at, &column.name))
            .collect();
        let values = || expand.items.iter().map(|item| &item.value);
        let Some(cut) = self.passing(&expand.input, &expand.columns, &needed, values, &is_made) else {
            expand.input = self.all(expand.input);
            expand.items.iter_mut().for_each(|item| self.inside(&mut item.value));
            return whole(Rel::MvExpand(Box::new(expand)));
        };
        let input = self.solid(expand.input, &cut);
        expand.items.iter_mut().for_each(|item| self.renumber(&mut item.value, &input.places));
        let places = places(&needed);
        for item in &mut expand.items {
            if let Place::At(at) = places[item.output] {
                item.output = at;
            }
        }
        expand.columns = filter(expand.columns, &places);
        expand.input = input.rel;
        Kept { rel: Rel::MvExpand(Box::new(expand)), places }
    }

    /// Captured columns stay: the pattern is one.
    pub(super) fn parse(&self, mut parse: Parse, needed: &[bool]) -> Kept {
        let made: Vec<usize> = parse.pattern.iter().filter_map(captured).collect();
        let is_made = |at: usize, _: &str| made.contains(&at);
        let needed: Vec<bool> =
            needed.iter().enumerate().map(|(at, needed)| *needed || made.contains(&at)).collect();
        let values = || std::iter::once(&parse.source);
        let Some(cut) = self.passing(&parse.input, &parse.columns, &needed, values, &is_made) else {
            parse.input = self.all(parse.input);
            self.inside(&mut parse.source);
            return whole(Rel::Parse(Box::new(parse)));
        };
        let input = self.solid(parse.input, &cut);
        self.renumber(&mut parse.source, &input.places);
        let places = places(&needed);
        for part in &mut parse.pattern {
            if let ParsePart::Column { output } = part
                && let Place::At(at) = places[*output]
            {
                *output = at;
            }
        }
        parse.columns = filter(parse.columns, &places);
        parse.input = input.rel;
        Kept { rel: Rel::Parse(Box::new(parse)), places }
    }

    /// The columns of `input` that an operator reads or passes on under their own names. A column that it
    /// makes itself and that has the name of an input column takes that one's place, so it stays too.
    /// `None` when there is nothing to cut, or when no column would be left.
    fn passing<'a, I: Iterator<Item = &'a Scalar>>(
        &self,
        input: &Rel,
        columns: &[ColumnSchema],
        needed: &[bool],
        values: impl Fn() -> I,
        is_made: &dyn Fn(usize, &str) -> bool,
    ) -> Option<Vec<bool>> {
        let inputs = input.columns();
        let mut wanted = vec![false; inputs.len()];
        values().for_each(|value| mark(value, &mut wanted));
        for (at, column) in columns.iter().enumerate() {
            if needed[at]
                && !is_made(at, &column.name)
                && let Some(from) = inputs.iter().position(|from| from.name == column.name)
            {
                wanted[from] = true;
            }
        }
        (wanted.contains(&true) && wanted.contains(&false)).then_some(wanted)
    }
}

fn captured(part: &ParsePart) -> Option<usize> {
    match part {
        ParsePart::Column { output } => Some(*output),
        ParsePart::Star | ParsePart::Text(_) => None,
    }
}
