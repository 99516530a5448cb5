//! `parse` and `parse-where`: the pattern becomes one regular expression, run once a row.

use bartizan_kql::bound::{Parse, ParseMode, ParsePart};
use bartizan_schema::KqlType;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ScalarUDF};

use super::{Context, Lowered, column, pattern};
use crate::error::QueryError;
use crate::functions::text::parse::{Captures, MATCHED, capture_name};

/// Hidden from queries by its control character.
const CAPTURED: &str = "\u{1}captured";

impl Context {
    pub(super) fn parse(&self, parse: &Parse, ordered: bool) -> Result<Lowered, QueryError> {
        let input = self.ordered_relation(&parse.input, ordered)?;
        let types: Vec<KqlType> = parse.columns.iter().map(|column| column.ty).collect();
        if parse.mode == ParseMode::Regex {
            for part in &parse.pattern {
                if let ParsePart::Text(text) = part {
                    pattern::checked(text, parse.source.span)?;
                }
            }
        }
        let captures = Captures::new(parse.mode, &parse.flags, &parse.pattern, &types).ok_or_else(|| {
            let all: Vec<&str> = parse.pattern.iter().map(part_text).collect();
            pattern::refused(&all.concat(), "all parts together are too large", parse.source.span)
        })?;
        let source = self.scalar_as(&parse.source, KqlType::String, &input.columns)?;
        let mut items: Vec<Expr> =
            input.columns.iter().map(|from| column(&from.name).alias(from.name.clone())).collect();
        items.extend(input.order.as_deref().map(|name| column(name).alias(name)));
        items.push(ScalarUDF::new_from_impl(captures).call(vec![source]).alias(CAPTURED));
        let mut plan = LogicalPlanBuilder::from(input.plan).project(items)?;
        if parse.drop_unmatched {
            plan = plan.filter(get_field(column(CAPTURED), MATCHED))?;
        }
        let captured: Vec<usize> = parse
            .pattern
            .iter()
            .filter_map(|part| match part {
                ParsePart::Column { output } => Some(*output),
                ParsePart::Star | ParsePart::Text(_) => None,
            })
            .collect();
        let mut outputs: Vec<Expr> = parse
            .columns
            .iter()
            .enumerate()
            .map(|(at, to)| {
                let value = if captured.contains(&at) {
                    get_field(column(CAPTURED), capture_name(at))
                } else {
                    column(&to.name)
                };
                value.alias(to.name.clone())
            })
            .collect();
        outputs.extend(input.order.as_deref().map(|name| column(name).alias(name)));
        Ok(Lowered {
            plan: plan.project(outputs)?.build()?,
            columns: parse.columns.clone(),
            order: input.order,
        })
    }
}

/// A part of a pattern, for a message.
fn part_text(part: &ParsePart) -> &str {
    match part {
        ParsePart::Text(text) => text,
        ParsePart::Star | ParsePart::Column { .. } => "*",
    }
}
