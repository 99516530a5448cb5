//! `evaluate plugin(…)`: which plugin is bound how.
//!
//! Each plugin has a line in [`BINDERS`] and a function in the module of its family. That function reads the
//! arguments with the help of `arguments`, and gives back a table: most often a [`Whole`] that the engine
//! runs over all rows, and where one exists a plain relational form, which streams and prunes.
//!
//! The columns of `bag_unpack` and `pivot` are in the data. Such a call is numbered; until the engine has
//! learned its columns ([`AnalyzeOptions::learned`](crate::AnalyzeOptions::learned)) its table is open.

mod activity;
mod arguments;
mod geo;
mod lookup;
mod open;
mod pattern;
mod rows;
mod sequence;

use crate::bound::{ColumnSchema, Operation, PluginCall, Rel, Scalar, Whole};
use crate::functions::{self, PLUGINS, Plugin};
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, ExprKind, Operator, OperatorKind};
use crate::syntax::codes;

use super::scope::Table;
use super::{Binder, Inherited};

/// Binds one plugin. `None` after an error, which has been reported.
type Bind = for<'a, 'b> fn(&mut Binder<'a>, Invocation<'b>) -> Option<Table>;

/// The plugins that can be bound. One that is declared and not here is refused by name.
const BINDERS: &[(&str, Bind)] = &[
    ("active_users_count", activity::counts),
    ("activity_counts_metrics", activity::counts),
    ("activity_engagement", activity::counts),
    ("activity_metrics", activity::counts),
    ("autocluster", pattern::autocluster),
    ("bag_unpack", open::bag_unpack),
    ("basket", pattern::basket),
    ("dcount_intersect", sequence::dcount_intersect),
    ("diffpatterns", pattern::diffpatterns),
    ("funnel_sequence", sequence::funnel_sequence),
    ("funnel_sequence_completion", sequence::funnel_sequence_completion),
    ("geo_line_lookup", geo::lookup),
    ("geo_polygon_lookup", geo::lookup),
    ("identity", rows::identity),
    ("ipv4_lookup", lookup::ipv4),
    ("ipv6_lookup", lookup::ipv6),
    ("narrow", rows::narrow),
    ("new_activity_metrics", activity::new_activity_metrics),
    ("pivot", open::pivot),
    ("preview", rows::preview),
    ("rolling_percentile", activity::rolling_percentile),
    ("rows_near", rows::rows_near),
    ("schema_merge", rows::schema_merge),
    ("sequence_detect", sequence::sequence_detect),
    ("session_count", activity::counts),
    ("sliding_window_counts", activity::counts),
];

/// A call of a plugin as it is written.
pub(super) struct Invocation<'a> {
    pub(super) plugin: &'static Plugin,
    pub(super) input: Table,
    pub(super) args: &'a [Expr],
    pub(super) schema: Option<&'a Schema>,
    pub(super) span: Span,
}

/// `: (*, name: type, …)`: whether there is a `*`, and the columns.
pub(super) type Schema = (bool, Vec<ColumnDecl>);

impl Binder<'_> {
    /// `evaluate` at the start of a query: a plugin without rows to work on.
    pub(super) fn evaluate_source(&mut self, op: &Operator) -> Table {
        let OperatorKind::Evaluate { call, schema, .. } = &op.kind else { return self.failed(op.span) };
        let rel = Rel::Rows { columns: Vec::new(), rows: vec![Vec::new()] };
        let inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        let nothing = self.derive(rel, Vec::new(), inherited, op.span);
        self.evaluate(nothing, call, schema.as_ref(), op.span)
    }

    pub(super) fn evaluate(
        &mut self,
        input: Table,
        call: &Expr,
        schema: Option<&Schema>,
        span: Span,
    ) -> Table {
        let ExprKind::Call { base: None, name, args } = &call.unwrapped().kind else {
            let message = "`evaluate` takes a plugin and its arguments in parentheses";
            self.errors.error(codes::EXPECTED, call.span, message);
            return self.failed(span);
        };
        let written = name.text.as_str();
        let Some(plugin) = functions::lookup_plugin(written) else {
            let names = PLUGINS.iter().map(|plugin| plugin.name);
            let hint = crate::nearest::nearest(written, names).map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no plugin `{}`", written.chars().take(80).collect::<String>());
            self.errors.error_with_hint(codes::UNKNOWN_FUNCTION, name.span, message, hint);
            return self.failed(span);
        };
        let binder = BINDERS.iter().find(|(name, _)| *name == plugin.name);
        let Some((_, bind)) = binder else { return self.refused(plugin, input, schema, args, name.span) };
        let table = bind(self, Invocation { plugin, input, args, schema, span });
        match table {
            Some(table) => table,
            None => self.failed(span),
        }
    }

    /// A plugin that no engine of ours runs. Its columns are taken to be those the query declares, behind the call
    /// or in `typeof(…)` as its first argument.
    fn refused(
        &mut self,
        plugin: &Plugin,
        input: Table,
        schema: Option<&Schema>,
        args: &[Expr],
        span: Span,
    ) -> Table {
        if let Some(why) = plugin.refused {
            let message = format!("`evaluate {}` is refused: {why}", plugin.name);
            self.errors.warning(codes::UNSUPPORTED, span, message, None);
        }
        let first = match args.first().map(|arg| &arg.unwrapped().kind) {
            Some(ExprKind::TypeOf { columns, star, .. }) => Some((*star, columns.clone())),
            _ => None,
        };
        let (columns, open) = match schema.or(first.as_ref()) {
            Some(schema) => (self.schema_columns(&input.columns, schema), false),
            None => (Vec::new(), true),
        };
        self.unsupported(&format!("evaluate {}", plugin.name), columns, open, span)
    }

    /// The columns that a call declares; `*` stands for `known`.
    fn schema_columns(&mut self, known: &[ColumnSchema], (star, declared): &Schema) -> Vec<ColumnSchema> {
        let declared = self.declared_columns(declared);
        let mut columns: Vec<ColumnSchema> = if *star { known.to_vec() } else { Vec::new() };
        columns.retain(|column| !declared.iter().any(|other| other.name == column.name));
        columns.extend(declared);
        columns
    }

    /// The node of a plugin that reads `inputs` completely and gives `columns`.
    pub(super) fn whole_plugin(
        &mut self,
        plugin: &'static Plugin,
        inputs: Vec<Table>,
        args: Vec<Scalar>,
        rest: Vec<Scalar>,
        columns: Vec<ColumnSchema>,
        span: Span,
    ) -> Table {
        let call = PluginCall { plugin: plugin.name, args, rest, unlearned: None };
        self.whole_call(call, inputs, columns, false, span)
    }

    fn whole_call(
        &mut self,
        call: PluginCall,
        inputs: Vec<Table>,
        columns: Vec<ColumnSchema>,
        open: bool,
        span: Span,
    ) -> Table {
        let cost = inputs.iter().map(|input| input.cost).sum();
        let depth = inputs.iter().map(|input| input.depth).max().unwrap_or(0);
        let inputs = inputs.into_iter().map(|input| input.rel).collect();
        let whole = Whole { inputs, operation: Operation::Plugin(call), columns: columns.clone(), span };
        let inherited = Inherited { open, time_alias: false, cost, depth };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_plugins_are_bound() {
        for (name, _) in BINDERS {
            let plugin = functions::lookup_plugin(name);
            assert!(plugin.is_some_and(|plugin| plugin.refused.is_none()), "{name}");
        }
    }
}
