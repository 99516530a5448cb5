//! `restrict access to`: which tables and functions the statements behind it may name.
//!
//! A service puts this before the text of someone it does not trust, so whatever is not listed is as if it were not
//! there: in names, wildcards, `search` and hints. Functions declared before the statement keep their
//! sight, which makes them the views through which the rest may look; so do saved functions that are listed.

use crate::bound::Literal;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::codes;

use super::Binder;
use super::naming::matches_wildcard;
use super::scope::Env;

/// What one statement lists.
#[derive(Debug)]
pub(crate) struct Restriction {
    entities: Vec<Entity>,
}

/// `T`, `Sec*`, `database('x').T`, `workspace('w').*`.
#[derive(Debug)]
struct Entity {
    /// The workspace, as a pattern; this one when absent.
    workspace: Option<String>,
    pattern: String,
}

impl Restriction {
    /// Whether a table or function of this workspace, or a `let` name, is listed.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.entities
            .iter()
            .any(|entity| entity.workspace.is_none() && matches_wildcard(&entity.pattern, name))
    }

    /// Whether a table of another workspace is listed.
    pub(crate) fn allows_in(&self, workspace: &str, name: &str) -> bool {
        self.entities.iter().any(|entity| {
            entity.workspace.as_ref().is_some_and(|pattern| matches_wildcard(pattern, workspace))
                && matches_wildcard(&entity.pattern, name)
        })
    }
}

impl Binder<'_> {
    /// Names declared from here on, and the query itself, see only what is listed.
    pub(super) fn restrict(&mut self, entities: &[Expr]) {
        let entities = entities.iter().filter_map(|entity| self.entity(entity)).collect();
        self.env = Env::restricted(&self.env, Restriction { entities });
    }

    fn entity(&mut self, expr: &Expr) -> Option<Entity> {
        let local = |pattern: &str| Some(Entity { workspace: None, pattern: pattern.to_owned() });
        match &expr.unwrapped().kind {
            ExprKind::Name(name) => local(name),
            ExprKind::Wildcard(pattern) => local(pattern),
            ExprKind::Member { base, name } => match &base.unwrapped().kind {
                // the only database there is
                ExprKind::Call { name: place, .. } if place.text == "database" => local(&name.text),
                ExprKind::Call { base: None, name: place, args } if place.text == "workspace" => {
                    let workspace = match args.first().map(|arg| &arg.unwrapped().kind) {
                        Some(ExprKind::Literal(Literal::String(text), _)) => text.clone(),
                        _ => return self.no_entity(expr.span),
                    };
                    Some(Entity { workspace: Some(workspace), pattern: name.text.clone() })
                }
                _ => self.no_entity(expr.span),
            },
            ExprKind::Error => None,
            _ => self.no_entity(expr.span),
        }
    }

    fn no_entity(&mut self, span: Span) -> Option<Entity> {
        let hint =
            Some("list tables, functions and `let` names, like `T`, `Sec*` or `database('x').*`".to_owned());
        self.errors.error_with_hint(codes::EXPECTED, span, "this names no table", hint);
        None
    }

    /// The tables that a wildcard finds here, in the catalog's order: those that may be named, and that no function
    /// or `let` of their name hides.
    pub(super) fn visible_tables(&self) -> Vec<String> {
        let mut names = self.catalog.table_names();
        names.retain(|name| {
            self.env.allows(name) && self.env.find(name).is_none() && self.catalog.function(name).is_none()
        });
        names
    }

    /// Says that a name is there and may not be used, if that is so.
    pub(super) fn refused_by_restriction(&mut self, name: &str, span: Span) -> bool {
        if self.env.allows(name) {
            return false;
        }
        let shown: String = name.chars().take(80).collect();
        let message = format!("`{shown}` is not among what `restrict access to` lists");
        self.errors.error(codes::UNKNOWN_TABLE, span, message);
        true
    }
}
