//! Colours: what each word of the text is.

use std::collections::{HashMap, HashSet};

use crate::analysis::QUERY_BYTES_MAX;
use crate::catalog::Catalog;
use crate::functions;
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::ast::{Expr, ExprKind, Operator, OperatorKind, Setting, Statement};
use crate::syntax::visit::{Visitor, walk_script};
use crate::syntax::{self, Errors, SourceKind, source_tokens};

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassifiedKind {
    Comment,
    String,
    /// A number, a timespan, a literal with its type's name, `true`, `null`.
    Literal,
    /// The name of a tabular operator.
    Operator,
    Keyword,
    Function,
    Aggregate,
    Plugin,
    Table,
    Column,
    /// A `let` name or a parameter.
    Variable,
    /// A setting of an operator.
    Setting,
    Type,
    /// A sign or a bracket.
    Mark,
    Unknown,
}

/// A piece of the text with its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    pub span: Span,
    pub kind: ClassifiedKind,
}

const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "by",
    "on",
    "of",
    "with",
    "from",
    "to",
    "step",
    "asc",
    "desc",
    "nulls",
    "first",
    "last",
    "let",
    "set",
    "declare",
    "alias",
    "restrict",
    "access",
    "database",
    "query_parameters",
    "pattern",
    "view",
    "typeof",
    "datatable",
    "externaldata",
    "as",
    "limit",
    "default",
    "others",
    "optional",
    "output",
    "matches",
    "regex",
    "between",
    "in",
    "has",
    "contains",
    "startswith",
    "endswith",
    "has_any",
    "has_all",
    "hasprefix",
    "hassuffix",
    "where",
    "project",
    "nodes",
    "edges",
    "id",
    "dynamic",
    "entity_group",
];

/// Every piece of the text but white space, in order.
pub fn classify(text: &str, catalog: &dyn Catalog) -> Vec<Classified> {
    let learnt = if text.len() > QUERY_BYTES_MAX {
        None
    } else {
        with_deep_stack(|| {
            let script = syntax::parse(text, &mut Errors::default());
            let mut learnt = Learnt {
                catalog,
                tables: HashMap::new(),
                kinds: HashMap::new(),
                variables: HashSet::new(),
                plugin: false,
            };
            walk_script(&script, &mut learnt);
            (learnt.kinds, learnt.variables)
        })
    };
    let (kinds, variables) = learnt.unwrap_or_default();
    let mut out: Vec<Classified> = Vec::new();
    let mut before = "";
    for token in source_tokens(text) {
        let body = &text[token.span.start..token.span.end];
        let kind = match token.kind {
            SourceKind::Space => continue,
            SourceKind::Comment => ClassifiedKind::Comment,
            SourceKind::String => ClassifiedKind::String,
            SourceKind::Number | SourceKind::Timespan | SourceKind::Typed => ClassifiedKind::Literal,
            SourceKind::Unknown => ClassifiedKind::Unknown,
            // the hyphen of an operator's name has the operator's kind
            SourceKind::Mark => kinds.get(&token.span.start).copied().unwrap_or(ClassifiedKind::Mark),
            SourceKind::Word => {
                let known = kinds.get(&token.span.start).copied();
                known.unwrap_or_else(|| word(body, before, &variables))
            }
        };
        out.push(Classified { span: token.span, kind });
        if token.kind != SourceKind::Comment {
            before = body;
        }
    }
    out
}

/// A word the tree has no expression for.
fn word(text: &str, before: &str, variables: &HashSet<String>) -> ClassifiedKind {
    let bare = text.trim_start_matches('!').trim_end_matches('~').trim_end_matches("_cs");
    if matches!(before, ":" | "(") && text.parse::<bartizan_schema::KqlType>().is_ok() {
        ClassifiedKind::Type
    } else if matches!(text, "true" | "false" | "null") {
        ClassifiedKind::Literal
    } else if variables.contains(text) {
        ClassifiedKind::Variable
    } else if KEYWORDS.contains(&bare) {
        ClassifiedKind::Keyword
    } else {
        ClassifiedKind::Column
    }
}

struct Learnt<'a> {
    catalog: &'a dyn Catalog,
    /// Whether the catalog has a table of this name.
    tables: HashMap<String, bool>,
    /// By the start of the token.
    kinds: HashMap<usize, ClassifiedKind>,
    variables: HashSet<String>,
    /// The next call is the plugin of an `evaluate`.
    plugin: bool,
}

impl Learnt<'_> {
    fn name(&mut self, name: &str) -> ClassifiedKind {
        if self.variables.contains(name) {
            return ClassifiedKind::Variable;
        }
        let catalog = self.catalog;
        let table = *self.tables.entry(name.to_owned()).or_insert_with(|| catalog.table(name).is_some());
        if table { ClassifiedKind::Table } else { ClassifiedKind::Column }
    }
}

impl Visitor for Learnt<'_> {
    fn statement(&mut self, statement: &Statement) {
        let declared: Vec<&str> = match statement {
            Statement::Let { name, value } => {
                let parameters = match value {
                    syntax::ast::LetValue::Function(lambda) => lambda.parameters.as_slice(),
                    syntax::ast::LetValue::Expr(_) => &[],
                };
                let names = parameters.iter().map(|parameter| parameter.name.text.as_str());
                std::iter::once(name.text.as_str()).chain(names).collect()
            }
            Statement::Parameters(parameters) => {
                parameters.iter().map(|parameter| parameter.name.text.as_str()).collect()
            }
            _ => Vec::new(),
        };
        self.variables.extend(declared.into_iter().map(str::to_owned));
    }

    fn operator(&mut self, op: &Operator) {
        self.plugin = matches!(op.kind, OperatorKind::Evaluate { .. });
        // a name with hyphens is several tokens
        for at in op.name_span.start..op.name_span.end {
            self.kinds.insert(at, ClassifiedKind::Operator);
        }
        if let OperatorKind::As { name, .. } = &op.kind {
            self.variables.insert(name.text.clone());
        }
    }

    fn setting(&mut self, setting: &Setting) {
        self.kinds.insert(setting.name.span.start, ClassifiedKind::Setting);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => {
                let kind = self.name(name);
                self.kinds.insert(expr.span.start, kind);
            }
            ExprKind::Member { name, .. } => drop(self.kinds.insert(name.span.start, ClassifiedKind::Column)),
            ExprKind::Literal(..) => drop(self.kinds.insert(expr.span.start, ClassifiedKind::Literal)),
            ExprKind::Call { name, .. } => {
                let text = name.text.as_str();
                let kind = if std::mem::take(&mut self.plugin) {
                    ClassifiedKind::Plugin
                } else if self.variables.contains(text) || functions::lookup(text).is_some() {
                    ClassifiedKind::Function
                } else if functions::lookup_aggregate(text).is_some() {
                    ClassifiedKind::Aggregate
                } else {
                    ClassifiedKind::Function
                };
                self.kinds.insert(name.span.start, kind);
            }
            _ => {}
        }
    }
}
