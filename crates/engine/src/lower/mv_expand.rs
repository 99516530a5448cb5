//! `mv-expand`: one function makes the list of a row's expanded rows, then DataFusion unnests it.

use bartizan_kql::bound::{ColumnSchema, MvExpand, MvExpandItem};
use bartizan_schema::KqlType;
use datafusion::common::Column;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ScalarUDF, lit};

use super::scalar::apply;
use super::{Context, Lowered, column};
use crate::error::QueryError;
use crate::functions::{convert, dynamic::expand};

/// Hidden from queries by its control character.
const EXPANDED: &str = "\u{1}expanded";
/// The order of expanded rows: the number of the row times [`ELEMENTS_MAX`], plus that of the element.
const ELEMENT_ORDER: &str = "\u{1}element";
/// More elements than a row can have, and few enough that the numbers of billions of rows fit beside them.
const ELEMENTS_MAX: i64 = 1 << 31;

impl Context {
    pub(super) fn mv_expand(&self, expand: &MvExpand, ordered: bool) -> Result<Lowered, QueryError> {
        let input = self.ordered_relation(&expand.input, ordered)?;
        let input = if ordered { self.with_room_for_elements(input)? } else { input };
        let mut values = Vec::with_capacity(expand.items.len());
        for item in &expand.items {
            values.push(self.scalar_as(&item.value, KqlType::Dynamic, &input.columns)?);
        }
        let as_text = |item: &MvExpandItem| expand.columns[item.output].ty == KqlType::String;
        let items = expand.items.iter().map(as_text).collect();
        let rows = expand::Expand::new(items, expand.bag_as_array, expand.row_limit, self.interrupt.clone());
        // what nobody reads above would be repeated for each element
        let made = |at: usize| expand.items.iter().any(|item| item.output == at);
        let is_passed = |from: &&ColumnSchema| {
            expand.columns.iter().enumerate().any(|(at, to)| to.name == from.name && !made(at))
        };
        let passed = input.columns.iter().filter(is_passed);
        let mut items: Vec<Expr> = passed.map(|from| column(&from.name).alias(from.name.clone())).collect();
        items.extend(input.order.as_deref().map(|name| column(name).alias(name)));
        items.push(ScalarUDF::new_from_impl(rows).call(values).alias(EXPANDED));
        let plan = LogicalPlanBuilder::from(input.plan)
            .project(items)?
            .unnest_column(Column::new_unqualified(EXPANDED))?;

        let mut outputs = Vec::with_capacity(expand.columns.len());
        for (at, to) in expand.columns.iter().enumerate() {
            let item = expand.items.iter().position(|item| item.output == at);
            let replaces = input.columns.iter().any(|from| from.name == to.name);
            let value = if let Some(item) = item {
                let element = get_field(column(EXPANDED), expand::element_name(item));
                match to.ty {
                    KqlType::Dynamic | KqlType::String => element,
                    ty => apply(convert::ELEMENT, vec![KqlType::Dynamic], ty, vec![element]),
                }
            } else if expand.item_index.as_deref() == Some(to.name.as_str()) && !replaces {
                get_field(column(EXPANDED), expand::INDEX)
            } else {
                column(&to.name)
            };
            outputs.push(value.alias(to.name.clone()));
        }
        outputs.extend(input.order.as_deref().map(|name| {
            let element = get_field(column(EXPANDED), expand::INDEX);
            (column(name) * lit(ELEMENTS_MAX) + element).alias(ELEMENT_ORDER)
        }));
        let plan = plan.project(outputs)?.build()?;
        let order = input.order.map(|_| ELEMENT_ORDER.to_owned());
        Ok(Lowered { plan, columns: expand.columns.clone(), order })
    }

    /// Numbers rows from one without gaps, so that each number has room for the row's elements.
    fn with_room_for_elements(&self, input: Lowered) -> Result<Lowered, QueryError> {
        if input.order.as_deref() != Some(ELEMENT_ORDER) {
            return self.number_rows(input);
        }
        let (plan, columns, order) = input.builder();
        let by = vec![column(ELEMENT_ORDER).sort(true, false)];
        self.renumber(plan, columns, order, by)
    }
}
