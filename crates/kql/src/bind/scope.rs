//! What names mean at a place: columns of the current rows, then the `let` names around it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::bound::{ColumnSchema, Rel, Scalar};
use crate::syntax::ast::Lambda;

use super::restrict::Restriction;
use super::scan::is_step_column;
use super::windowed::is_serialized;

/// A bound tabular expression on its way through the operators.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) rel: Rel,
    /// Always `rel.columns()`, kept so that it is not worked out again at each operator.
    pub(crate) columns: Vec<ColumnSchema>,
    /// More columns may exist than are known (`evaluate bag_unpack`, or text that did not bind).
    pub(crate) open: bool,
    /// `Timestamp` and `TimeGenerated` are the same column here: Defender's tables are queried with both.
    pub(crate) time_alias: bool,
    /// Nodes and columns below, counted against the budget each time the table is used.
    pub(crate) cost: usize,
    pub(crate) depth: usize,
    /// This is no table but a graph: `rel` then only refuses to run.
    pub(crate) graph: Option<Rc<super::graph::Graph>>,
}

/// What a `let` name or a parameter stands for.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "names are few, and most of them are tables")]
pub(crate) enum Binding {
    /// A scalar; `rows` is the row scope whose columns it reads, if it reads any.
    Scalar {
        value: Scalar,
        rows: Option<u32>,
    },
    Table(Table),
    Function {
        lambda: Arc<Lambda>,
        env: Rc<Env>,
    },
}

/// The names one script or function body declares, and those around it.
#[derive(Debug, Default)]
pub(crate) struct Env {
    names: RefCell<HashMap<String, Binding>>,
    parent: Option<Rc<Env>>,
    /// What may be named of all that is outside of this.
    restriction: Option<Restriction>,
}

impl Env {
    pub(crate) fn inside(parent: &Rc<Env>) -> Rc<Self> {
        Rc::new(Self { parent: Some(Rc::clone(parent)), ..Self::default() })
    }

    pub(crate) fn declare(&self, name: &str, binding: Binding) {
        self.names.borrow_mut().insert(name.to_owned(), binding);
    }

    /// Names inside `parent` that sees of it only what `restriction` lists, and its values.
    pub(crate) fn restricted(parent: &Rc<Env>, restriction: Restriction) -> Rc<Self> {
        Rc::new(Self { parent: Some(Rc::clone(parent)), restriction: Some(restriction), ..Self::default() })
    }

    pub(crate) fn find(&self, name: &str) -> Option<Binding> {
        let mut env = Some(self);
        let mut allowed = true;
        while let Some(here) = env {
            if let Some(found) = here.names.borrow().get(name) {
                return (allowed || matches!(found, Binding::Scalar { .. })).then(|| found.clone());
            }
            allowed &= here.restriction.as_ref().is_none_or(|restriction| restriction.allows(name));
            env = here.parent.as_deref();
        }
        None
    }

    /// Whether a table or function of the catalog may be named here.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.restrictions().all(|restriction| restriction.allows(name))
    }

    /// Whether a table of another workspace may be named here.
    pub(crate) fn allows_in(&self, workspace: &str, name: &str) -> bool {
        self.restrictions().all(|restriction| restriction.allows_in(workspace, name))
    }

    /// What `restrict access to` says here, innermost first.
    pub(crate) fn restrictions(&self) -> impl Iterator<Item = &Restriction> {
        std::iter::successors(Some(self), |env| env.parent.as_deref())
            .filter_map(|env| env.restriction.as_ref())
    }

    /// Functions written `view () { … }`, which wildcards find among the tables.
    pub(crate) fn views(&self) -> Vec<String> {
        let is_view = |name: &String| match self.find(name) {
            Some(Binding::Function { lambda, .. }) => {
                lambda.view && lambda.parameters.iter().all(|parameter| parameter.default.is_some())
            }
            _ => false,
        };
        let mut views: Vec<String> = self.names().into_iter().filter(is_view).collect();
        views.sort();
        views.dedup();
        views
    }

    /// Every visible name, for hints.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.borrow().keys().cloned().collect();
        if let Some(parent) = &self.parent {
            let allowed =
                |name: &String| self.restriction.as_ref().is_none_or(|restriction| restriction.allows(name));
            names.extend(parent.names().into_iter().filter(allowed));
        }
        names
    }
}

/// Names of one scope that are looked up without a map.
const ASKED_MAX: usize = 24;

/// The columns an expression may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowScope {
    /// Tells one input from another, so that a bound expression is never moved to other rows.
    pub(crate) id: u32,
    pub(crate) columns: Vec<ColumnSchema>,
    /// How many names have been looked up.
    asked: Cell<usize>,
    /// Where each name is first, once many have been looked up.
    by_name: OnceCell<HashMap<String, usize>>,
    pub(crate) open: bool,
    time_alias: bool,
    /// The rows have an order that means something.
    pub(crate) serialized: bool,
    /// Columns of the steps of a `scan` are among these.
    pub(crate) has_steps: bool,
}

impl RowScope {
    pub(crate) fn of(id: u32, table: &Table) -> Self {
        Self {
            id,
            columns: table.columns.clone(),
            asked: Cell::default(),
            by_name: OnceCell::new(),
            open: table.open,
            time_alias: table.time_alias,
            serialized: is_serialized(&table.rel),
            has_steps: table.columns.last().is_some_and(|column| is_step_column(&column.name)),
        }
    }

    /// The same rows without their names: a function's body does not see its caller's columns.
    pub(crate) fn hidden(id: u32) -> Self {
        Self { id, ..Self::default() }
    }

    /// The position of the column called `name`.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.first(name).or_else(|| {
            let other = match name {
                "Timestamp" => "TimeGenerated",
                "TimeGenerated" => "Timestamp",
                _ => return None,
            };
            if self.time_alias { self.first(other) } else { None }
        })
    }

    /// The first column of that name. Most operators name a few columns of a table that may have hundreds: only for
    /// many names a map is worth making.
    fn first(&self, name: &str) -> Option<usize> {
        let asked = self.asked.get();
        if asked < ASKED_MAX {
            self.asked.set(asked + 1);
            return self.columns.iter().position(|column| column.name == name);
        }
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name = HashMap::with_capacity(self.columns.len());
            for (at, column) in self.columns.iter().enumerate() {
                by_name.entry(column.name.clone()).or_insert(at);
            }
            by_name
        });
        by_name.get(name).copied()
    }
}

/// Whether the rows of a table answer to both `Timestamp` and `TimeGenerated`.
pub(crate) fn has_time_alias(table: &str) -> bool {
    const DEFENDER_TABLES: &[&str] = &[
        "Device",
        "Alert",
        "Email",
        "Identity",
        "CloudAppEvents",
        "CloudAuditEvents",
        "CloudProcessEvents",
        "CloudStorageAggregatedEvents",
        "UrlClickEvents",
        "Behavior",
        "ExposureGraph",
        "MessageEvents",
        "MessagePostDeliveryEvents",
        "MessageUrlInfo",
        "OAuthAppInfo",
        "AADSignInEventsBeta",
        "AADSpnSignInEventsBeta",
        "EntraIdSignInEvents",
        "EntraIdSpnSignInEvents",
        "DataSecurity",
        "DisruptionAndResponseEvents",
        "CampaignInfo",
        "FileMaliciousContentInfo",
        "GraphApiAuditEvents",
    ];
    DEFENDER_TABLES.iter().any(|prefix| table.starts_with(prefix))
}
