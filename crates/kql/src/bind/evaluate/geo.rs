//! `geo_polygon_lookup` and `geo_line_lookup`: a join on places and the shapes that hold them or are near.
//!
//! As with the lookups of addresses, the plugin sees each distinct place once, and an ordinary join brings
//! what it found to all rows.

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, Join, JoinKind, JoinOutput, JoinSide, Literal, Named, Rel, Scalar, ScalarKind,
};
use crate::functions::ArgumentKind;

use super::super::naming::Names;
use super::super::scalar::converted;
use super::super::scope::Table;
use super::super::{Binder, Inherited};
use super::Invocation;

/// The hidden columns of places that were looked up.
const PLACE: [&str; 2] = ["\u{1}longitude", "\u{1}latitude"];

pub(super) fn lookup(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let span = call.span;
    let arguments = binder.arranged(&call)?;
    let (table, key) = binder.lookup_table(&arguments)?;
    if key.ty != KqlType::Dynamic {
        binder.wrong_argument(&arguments, "key", key.ty.name(), "a dynamic with GeoJSON", key.span);
        return None;
    }
    let mut place = Vec::new();
    for name in ["longitude", "latitude"] {
        let (value, _) = binder.plugin_column(&call.input, &arguments, name)?;
        if !matches!(
            value.ty,
            KqlType::Real | KqlType::Long | KqlType::Int | KqlType::Decimal | KqlType::Dynamic
        ) {
            binder.wrong_argument(&arguments, name, value.ty.name(), "a number", value.span);
            return None;
        }
        place.push(converted(value, KqlType::Real));
    }
    let nothing = Scalar::literal(Literal::Null, KqlType::Real, span);
    let radius = binder.plugin_constant(&arguments, "radius", ArgumentKind::Number, Some(nothing))?;
    let flag = |binder: &mut Binder<'_>, name: &str| {
        let given = binder.literal_argument(&arguments, name, KqlType::Bool)?;
        Some(matches!(given, Some(Literal::Bool(true))))
    };
    let unmatched = flag(binder, "return_unmatched")?;
    let with_key = flag(binder, "return_lookup_key")?;
    let key_at = match key.kind {
        ScalarKind::Column(at) => Some(at),
        _ => None,
    };

    let (open, time_alias) = (call.input.open || table.open, call.input.time_alias);
    let left = binder.shared(call.input);
    let keys = PLACE
        .iter()
        .zip(&place)
        .map(|(name, value)| Named { name: (*name).to_owned(), value: value.clone() });
    let place_columns: Vec<ColumnSchema> =
        PLACE.iter().map(|name| ColumnSchema { name: (*name).to_owned(), ty: KqlType::Real }).collect();
    let distinct =
        Rel::Summarize { input: Box::new(left.rel.clone()), keys: keys.collect(), aggregates: Vec::new() };
    let distinct = binder.derive(distinct, place_columns.clone(), Inherited::from(&left), span);
    let mut found = place_columns;
    found.extend(table.columns.iter().cloned());
    let looked_up = table.columns.clone();
    let own = |at: usize| Scalar::column(at, KqlType::Real, span);
    let args = vec![own(0), own(1), key, radius];
    let right = binder.whole_plugin(call.plugin, vec![distinct, table], args, Vec::new(), found, span);

    let mut names = Names::reserving(left.columns.iter().map(|column| column.name.as_str()));
    let mut outputs: Vec<JoinOutput> = Vec::new();
    for (index, column) in left.columns.iter().enumerate() {
        outputs.push(JoinOutput { column: column.clone(), from: JoinSide::Left, index });
    }
    for (index, column) in looked_up.into_iter().enumerate() {
        if !with_key && key_at == Some(index) {
            continue;
        }
        let column = ColumnSchema { name: names.unique(&column.name), ty: column.ty };
        outputs.push(JoinOutput { column, from: JoinSide::Right, index: index + PLACE.len() });
    }
    let on = place.into_iter().enumerate().map(|(at, value)| (value, own(at))).collect();
    let kind = if unmatched { JoinKind::LeftOuter } else { JoinKind::Inner };
    let columns = outputs.iter().map(|output| output.column.clone()).collect();
    let inherited = Inherited { open, time_alias, ..Inherited::both(&left, &right) };
    let join = Join { left: left.rel, right: right.rel, kind, on, outputs, span };
    Some(binder.derive(Rel::Join(Box::new(join)), columns, inherited, span))
}
