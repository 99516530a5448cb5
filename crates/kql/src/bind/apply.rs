//! `mv-apply` and `partition`: a body of operators for each group of rows, see [`Groups`].

use std::rc::Rc;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, MvExpand, Named, ROW_ID, Rel, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{ExpandItem, Expr, Operator, Script, Setting, Statement};
use crate::syntax::codes;

use super::operators::plain_column;
use super::per_group::Groups;
use super::scope::{Binding, Env, Table};
use super::union::setting_word;
use super::{Binder, Inherited, passed_on};

impl Binder<'_> {
    /// Expands each row and runs the body over what it became. The result has the input's columns in place, but
    /// for those that were expanded by themselves, then what else the body gives; of two equal names, the body's.
    pub(super) fn mv_apply(
        &mut self,
        input: Table,
        settings: &[Setting],
        items: &[ExpandItem],
        limit: Option<&Expr>,
        body: &[Operator],
        span: Span,
    ) -> Table {
        let item_index = setting_word(settings, &["with_itemindex"]);
        let row_limit = limit.and_then(|limit| self.constant_long(limit));
        let expansion = self.expansion(&input, items, item_index);
        let inherited = Inherited::from(&input);
        let seen = expansion.columns.clone();
        let (source, result) = self.group_body(seen.clone(), inherited, body, span);

        // what the body leaves out of the input's row rides along
        let kept = (0..input.columns.len()).filter(|at| !expansion.unnamed.contains(at));
        let kept: Vec<usize> = kept.collect();
        let left_out =
            |at: &usize| !result.columns.iter().any(|column| column.name == input.columns[*at].name);
        let carried: Vec<usize> = kept.iter().copied().filter(left_out).collect();

        let row_id = ColumnSchema { name: self.hidden_name(0), ty: KqlType::Long };
        let mut numbered = passed_on(&input.columns, span);
        let kind = ScalarKind::Call { function: ROW_ID, args: Vec::new() };
        numbered.push(Named { name: row_id.name.clone(), value: Scalar { kind, ty: KqlType::Long, span } });
        let mut columns = expansion.columns;
        columns.push(row_id.clone());
        // where an expanded value took a column's name, the column's own value is copied before
        let mut carried_from = Vec::with_capacity(carried.len());
        for at in &carried {
            if !expansion.items.iter().any(|item| item.output == *at) {
                carried_from.push(*at);
                continue;
            }
            let own = ColumnSchema {
                name: self.hidden_name(input.columns.len() + at + 1),
                ty: input.columns[*at].ty,
            };
            numbered.push(Named { name: own.name.clone(), value: Scalar::column(*at, own.ty, span) });
            carried_from.push(columns.len());
            columns.push(own);
        }
        let expanded = Rel::MvExpand(Box::new(MvExpand {
            input: Rel::Project { input: Box::new(input.rel), items: numbered },
            items: expansion.items,
            item_index: expansion.item_index,
            bag_as_array: false,
            row_limit,
            columns: columns.clone(),
        }));
        let column = |at: usize| Scalar::column(at, columns[at].ty, span);
        let mut items = passed_on(&seen, span);
        items.push(Named { name: row_id.name, value: column(seen.len()) });
        for (at, from) in carried.iter().zip(carried_from) {
            items.push(Named { name: self.hidden_name(at + 1), value: column(from) });
        }
        let rows = Rel::Project { input: Box::new(expanded), items };
        let groups = Groups { rows, source, visible: seen.len(), keys: 1, span };
        let width = result.columns.len();
        let applied = self.applied(&groups, result, inherited, span);

        let mut output = Vec::with_capacity(kept.len() + width);
        for at in &kept {
            let name = &input.columns[*at].name;
            let from = applied.columns[..width].iter().position(|column| column.name == *name);
            let from = from.or_else(|| {
                let carried = carried.iter().position(|carried| carried == at)?;
                Some(width + 1 + carried)
            });
            output.extend(from);
        }
        let rest: Vec<usize> = (0..width).filter(|at| !output.contains(at)).collect();
        output.extend(rest);
        let names: Vec<String> = kept.iter().map(|at| input.columns[*at].name.clone()).collect();
        let items = output.into_iter().enumerate().map(|(to, at)| Named {
            name: names.get(to).unwrap_or(&applied.columns[at].name).clone(),
            value: Scalar::column(at, applied.columns[at].ty, span),
        });
        let items = items.collect();
        self.project(applied, items, span)
    }

    /// `partition by column ( … )`.
    pub(super) fn partition(&mut self, input: Table, by: &Expr, body: &[Operator], span: Span) -> Table {
        let Some(key) = self.partition_key(&input, by) else { return self.failed(span) };
        let inherited = Inherited::from(&input);
        let (source, result) = self.group_body(input.columns.clone(), inherited, body, span);
        self.partitioned(input, key, source, result, span)
    }

    /// `partition by column { … }`: a query of its own, in which the key column stands for the group's value.
    pub(super) fn partition_query(&mut self, input: Table, by: &Expr, query: &Script, span: Span) -> Table {
        let Some(key) = self.partition_key(&input, by) else { return self.failed(span) };
        self.next_shared += 1;
        let source = self.next_shared;
        let column = &input.columns[key];
        let item = Named { name: column.name.clone(), value: Scalar::column(key, column.ty, span) };
        let leaf = Groups::leaf(source, input.columns.clone());
        let value = Rel::Project { input: Box::new(leaf), items: vec![item] };
        let value = Scalar { kind: ScalarKind::ToScalar(Box::new(value)), ty: column.ty, span };
        let inner = Env::inside(&self.env);
        inner.declare(&column.name, Binding::Scalar { value, rows: None });
        let outer = std::mem::replace(&mut self.env, inner);
        let result = self.apart(|binder| match binder.declarations(query) {
            Some(Statement::Expr(last)) => binder.table(last),
            _ => {
                binder.errors.error(codes::NO_QUERY, span, "the sub-query of `partition` asks nothing");
                binder.failed(span)
            }
        });
        self.env = outer;
        self.partitioned(input, key, source, result, span)
    }

    fn partition_key(&mut self, input: &Table, by: &Expr) -> Option<usize> {
        let value = self.over(input, |binder| binder.scalar(by));
        self.refuse_dynamic_key(&value, "a group key");
        let key = plain_column(&value);
        if key.is_none() && !super::is_null(&value) {
            let hint = Some("extend it to a column first".to_owned());
            let message = "`partition` goes by a column";
            self.errors.error_with_hint(codes::EXPECTED, by.span, message, hint);
        }
        key
    }

    fn partitioned(&mut self, input: Table, key: usize, source: u32, result: Table, span: Span) -> Table {
        let inherited = Inherited::from(&input);
        let visible = input.columns.len();
        let mut items = passed_on(&input.columns, span);
        let value = Scalar::column(key, input.columns[key].ty, span);
        items.push(Named { name: self.hidden_name(0), value });
        let rows = Rel::Project { input: Box::new(input.rel), items };
        let width = result.columns.len();
        let groups = Groups { rows, source, visible, keys: 1, span };
        let applied = self.applied(&groups, result, inherited, span);
        let items = passed_on(&applied.columns[..width], span);
        self.project(applied, items, span)
    }

    /// Binds operators over the rows of one group. The names they declare are their own.
    fn group_body(
        &mut self,
        columns: Vec<ColumnSchema>,
        from: Inherited,
        body: &[Operator],
        span: Span,
    ) -> (u32, Table) {
        self.next_shared += 1;
        let source = self.next_shared;
        let rel = Groups::leaf(source, columns.clone());
        let mut table = self.derive(rel, columns, Inherited { cost: 0, depth: 0, ..from }, span);
        let inner = Env::inside(&self.env);
        let outer: Rc<Env> = std::mem::replace(&mut self.env, inner);
        for op in body {
            table = self.operator(table, op);
        }
        self.env = outer;
        (source, table)
    }

    /// The body over all groups, with the hidden columns at the end.
    fn applied(&mut self, groups: &Groups, body: Table, input: Inherited, span: Span) -> Table {
        let open = body.open;
        let inherited = Inherited {
            open,
            time_alias: body.time_alias,
            cost: input.cost.saturating_add(body.cost),
            depth: input.depth + body.depth,
        };
        let rel = groups.apply(body.rel);
        let columns = rel.columns();
        self.derive(rel, columns, inherited, span)
    }

    /// A column name that no query can write, used nowhere else.
    pub(super) fn hidden_name(&mut self, at: usize) -> String {
        self.next_rows += 1;
        format!("\u{1}{}.{at}", self.next_rows)
    }
}
