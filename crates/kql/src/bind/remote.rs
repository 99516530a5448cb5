//! Names behind a place: `workspace("w").T`, `database("d").T`.

use crate::bound::{Literal, Rel, ScalarKind, foreign_table};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::codes;

use super::scope::{Table, has_time_alias};
use super::{Binder, Inherited};

impl Binder<'_> {
    /// The table `name` of a place.
    pub(super) fn remote_table(&mut self, base: &Expr, name: &Name, span: Span) -> Table {
        match &base.unwrapped().kind {
            ExprKind::Call { base: None, name: function, args } if function.text == "database" => {
                let alias = match args.first().map(|arg| &arg.unwrapped().kind) {
                    Some(ExprKind::Literal(Literal::String(alias), _)) => self.aliases.get(alias).cloned(),
                    _ => None,
                };
                match alias {
                    // an alias of an alias would be a loop
                    Some(target) if !is_database(&target) => self.remote_table(&target, name, span),
                    // the only database there is
                    _ => self.named_table(&name.text, span),
                }
            }
            ExprKind::Call { base: None, name: function, args } if function.text == "workspace" => {
                self.workspace_table(args, name, span)
            }
            _ => {
                let message = "queries over other clusters are not supported";
                let hint = Some("workspaces of this server are read as workspace('name').Table".to_owned());
                self.errors.error_with_hint(codes::UNSUPPORTED, span, message, hint);
                self.failed(span)
            }
        }
    }

    fn workspace_table(&mut self, args: &[Expr], name: &Name, span: Span) -> Table {
        let place = args.first().map(|arg| self.scalar(arg).kind);
        let Some(ScalarKind::Literal(Literal::String(place))) = place else {
            let message = "`workspace` takes the name of a workspace as constant text";
            self.errors.error(codes::NOT_CONSTANT, span, message);
            return self.failed(span);
        };
        let shown: String = place.chars().take(80).collect();
        if !self.env.allows_in(&place, &name.text) {
            let message = format!("`{}` is not among what `restrict access to` lists", name.text);
            self.errors.error(codes::UNKNOWN_TABLE, name.span, message);
            return self.failed(span);
        }
        let Some(workspace) = self.catalog.workspace(&place) else {
            let message = format!("there is no workspace `{shown}` that this query may read");
            self.errors.error(codes::UNKNOWN_TABLE, span, message);
            return self.failed(span);
        };
        let Some(symbol) = self.catalog.table_of(workspace, &name.text) else {
            let message = format!("there is no table `{}` in the workspace `{shown}`", name.text);
            self.errors.error(codes::UNKNOWN_TABLE, name.span, message);
            return self.failed(span);
        };
        let time_alias = has_time_alias(&symbol.name);
        let name = foreign_table(workspace, &symbol.name);
        let rel = Rel::Table { name, columns: symbol.columns.clone(), span };
        self.derive(rel, symbol.columns, Inherited { open: false, time_alias, cost: 0, depth: 0 }, span)
    }
}

fn is_database(expr: &Expr) -> bool {
    matches!(&expr.unwrapped().kind, ExprKind::Call { base: None, name, .. } if name.text == "database")
}
