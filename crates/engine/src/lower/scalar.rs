//! Scalar expressions.
//!
//! Two contexts matter. As a predicate, null and false are one, and most of KQL's comparisons become
//! DataFusion's own, which pruning understands. As a value, KQL's null rules are kept exactly.

use bartizan_kql::bound::{Literal, PathSegment, Scalar, ScalarKind};
use bartizan_kql::syntax::codes::{ASSERTION_FAILED, NOT_CONSTANT};
use bartizan_kql::{Diagnostic, Severity};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, when};

use super::{Answer, Context, Scope, address, broken, column, to_scalar_value};
use crate::error::QueryError;
use crate::functions::bin::Bin;
use crate::functions::dynamic::path::{Path, Step};
use crate::functions::kernel::{Entry, Kernel};
use crate::functions::{convert, decimal, dynamic, numeric, registry};
use crate::types::{absent, arrow_type, is_number};

/// Lowers expressions over one relation's columns.
pub(super) struct Exprs<'a> {
    pub(super) context: &'a Context,
    pub(super) scope: Scope<'a>,
    /// The input's order column, for `row_number`, `prev` and `next`.
    pub(super) order: Option<&'a str>,
}

impl Context {
    /// `value` as an expression of its type's Arrow type.
    pub(crate) fn scalar(&self, value: &Scalar, scope: Scope<'_>) -> Result<Expr, QueryError> {
        self.scalar_in(value, scope, None)
    }

    pub(super) fn scalar_in(
        &self,
        value: &Scalar,
        scope: Scope<'_>,
        order: Option<&str>,
    ) -> Result<Expr, QueryError> {
        Exprs { context: self, scope, order }.value(value)
    }

    /// `value` as a boolean in which null stands for false.
    pub(crate) fn predicate(&self, value: &Scalar, scope: Scope<'_>) -> Result<Expr, QueryError> {
        Exprs { context: self, scope, order: None }.predicate(value)
    }

    /// `value` converted to `ty`.
    pub(crate) fn scalar_as(
        &self,
        value: &Scalar,
        ty: KqlType,
        scope: Scope<'_>,
    ) -> Result<Expr, QueryError> {
        Exprs { context: self, scope, order: None }.value_as(value, ty)
    }
}

impl Exprs<'_> {
    pub(super) fn value(&self, scalar: &Scalar) -> Result<Expr, QueryError> {
        match &scalar.kind {
            ScalarKind::Literal(literal) => Ok(Expr::Literal(to_scalar_value(literal, scalar.ty), None)),
            ScalarKind::Column(at) => {
                let found = self.scope.get(*at).ok_or_else(|| broken("column out of range", scalar.span))?;
                convert_expr(column(&found.name), found.ty, scalar.ty)
            }
            ScalarKind::Call { function, args } => self.call(function, args, scalar),
            ScalarKind::Path { value, segments } => self.path(value, segments),
            ScalarKind::InRelation { value, relation, negated, ignore_case } => {
                let Some(Answer::Members(members)) = self.context.answers.get(&address(relation)) else {
                    return Err(broken("`in` was not run", scalar.span));
                };
                self.members(value, members, *negated, *ignore_case)
            }
            ScalarKind::ToScalar(relation) => {
                let Some(Answer::Scalar(literal)) = self.context.answers.get(&address(relation)) else {
                    return Err(broken("`toscalar` was not run", scalar.span));
                };
                Ok(Expr::Literal(to_scalar_value(literal, scalar.ty), None))
            }
        }
    }

    pub(super) fn value_as(&self, scalar: &Scalar, ty: KqlType) -> Result<Expr, QueryError> {
        if let ScalarKind::Literal(literal) = &scalar.kind {
            return Ok(Expr::Literal(to_scalar_value(literal, ty), None));
        }
        convert_expr(self.value(scalar)?, scalar.ty, ty)
    }

    pub(super) fn predicate(&self, scalar: &Scalar) -> Result<Expr, QueryError> {
        match &scalar.kind {
            ScalarKind::Call { function: "and", args } => self.fold(args, Expr::and),
            ScalarKind::Call { function: "or", args } => self.fold(args, Expr::or),
            ScalarKind::Call { function, args } if args.len() == 2 && matches!(*function, "==" | "!=") => {
                self.equality(*function == "!=", &args[0], &args[1], true)
            }
            _ => self.value_as(scalar, KqlType::Bool),
        }
    }

    fn fold(&self, args: &[Scalar], with: fn(Expr, Expr) -> Expr) -> Result<Expr, QueryError> {
        let parts = args.iter().map(|arg| self.predicate(arg)).collect::<Result<Vec<_>, _>>()?;
        parts.into_iter().reduce(with).ok_or_else(|| QueryError::Internal("empty conjunction".to_owned()))
    }

    fn call(&self, function: &'static str, args: &[Scalar], scalar: &Scalar) -> Result<Expr, QueryError> {
        self.context.check_pattern(function, args)?;
        match (function, args) {
            ("and", [a, b]) => Ok(self.value_as(a, KqlType::Bool)?.and(self.value_as(b, KqlType::Bool)?)),
            ("or", [a, b]) => Ok(self.value_as(a, KqlType::Bool)?.or(self.value_as(b, KqlType::Bool)?)),
            ("not", [a]) => Ok(Expr::Not(Box::new(self.value_as(a, KqlType::Bool)?))),
            ("==" | "!=", [a, b]) => self.equality(function == "!=", a, b, false),
            ("<" | "<=" | ">" | ">=", [a, b]) => self.ordering(function, a, b),
            ("between" | "!between", [value, low, high]) => {
                let inside = self.ordering(">=", value, low)?.and(self.ordering("<=", value, high)?);
                Ok(if function == "between" { inside } else { Expr::Not(Box::new(inside)) })
            }
            ("+" | "-" | "*" | "/" | "%", [a, b]) => self.arithmetic(function, a, b, scalar),
            ("neg", [a]) => self.negate(a, scalar),
            ("in" | "!in" | "in~" | "!in~", [value, members @ ..]) => {
                self.membership(value, members, function.starts_with('!'), function.ends_with('~'))
            }
            ("iff" | "iif", [condition, yes, no]) => {
                let (yes, no) = (self.value_as(yes, scalar.ty)?, self.value_as(no, scalar.ty)?);
                Ok(when(self.predicate(condition)?, yes).otherwise(no)?)
            }
            ("case", [branches @ .., otherwise]) if branches.len() % 2 == 0 && !branches.is_empty() => {
                let otherwise = self.value_as(otherwise, scalar.ty)?;
                let mut pairs = branches.chunks_exact(2);
                let first = pairs.next().ok_or_else(|| broken("case without branches", scalar.span))?;
                let mut case = when(self.predicate(&first[0])?, self.value_as(&first[1], scalar.ty)?);
                for pair in pairs {
                    case = case.when(self.predicate(&pair[0])?, self.value_as(&pair[1], scalar.ty)?);
                }
                Ok(case.otherwise(otherwise)?)
            }
            ("isnull" | "isnotnull", [a]) if a.ty != KqlType::String => {
                let value = self.value(a)?;
                Ok(if function == "isnull" { value.is_null() } else { value.is_not_null() })
            }
            ("isnull" | "isnotnull", [_]) => Ok(boolean(function == "isnotnull")),
            ("isempty" | "isnotempty", [a]) if a.ty != KqlType::Dynamic => {
                let value = self.value(a)?;
                let empty = function == "isempty";
                Ok(match (a.ty, empty) {
                    (KqlType::String, true) => value.eq(text("")),
                    (KqlType::String, false) => value.not_eq(text("")),
                    (_, true) => value.is_null(),
                    (_, false) => value.is_not_null(),
                })
            }
            ("now", []) => Ok(ticks(self.context.now.0)),
            ("now", [offset]) => Ok(ticks(self.context.now.0) + self.value_as(offset, KqlType::TimeSpan)?),
            ("ago", [span]) => Ok(ticks(self.context.now.0) - self.value_as(span, KqlType::TimeSpan)?),
            ("ingestion_time", []) => {
                let received = self.scope.iter().find(|column| column.name == "_TimeReceived");
                Ok(match received {
                    Some(found) => column(&found.name),
                    None => Expr::Literal(absent(KqlType::DateTime), None),
                })
            }
            ("gettype", [a]) if a.ty != KqlType::Dynamic => Ok(text(a.ty.name())),
            ("materialize" | "identity", [a]) => self.value_as(a, scalar.ty),
            ("bin" | "floor", [value, size]) => match self.plain_bin(value, size, None, scalar.ty)? {
                Some(expr) => Ok(expr),
                None => self.kernel(function, args, scalar),
            },
            ("bin_at", [value, size, at]) => match self.plain_bin(value, size, Some(at), scalar.ty)? {
                Some(expr) => Ok(expr),
                None => self.kernel(function, args, scalar),
            },
            ("assert", [condition, message]) => self.assert(condition, message),
            _ if function.starts_with("current_") => self.request_fact(function, scalar),
            _ if super::order::is_windowed(function) => self.windowed(function, args, scalar),
            _ if registry::is_conversion(function) => match args {
                [a] => self.value_as(a, scalar.ty),
                _ => Err(QueryError::unsupported(function, scalar.span)),
            },
            _ => match self.text_operator(function, args)? {
                Some(expr) => Ok(expr),
                None => self.kernel(function, args, scalar),
            },
        }
    }

    fn negate(&self, value: &Scalar, whole: &Scalar) -> Result<Expr, QueryError> {
        let entry = match whole.ty {
            KqlType::Decimal => decimal::NEGATE,
            KqlType::Dynamic => numeric::NEGATE,
            _ => return Ok(Expr::Negative(Box::new(self.value_as(value, whole.ty)?))),
        };
        Ok(apply(entry, vec![whole.ty], whole.ty, vec![self.value_as(value, whole.ty)?]))
    }

    /// `assert(condition, message)`: decided before any row is read, as the service does.
    fn assert(&self, condition: &Scalar, message: &Scalar) -> Result<Expr, QueryError> {
        let refuse = |code: &'static str, message: String, hint: Option<String>| {
            let span = condition.span;
            Err(QueryError::Invalid(vec![Diagnostic {
                code,
                severity: Severity::Error,
                span,
                message,
                hint,
            }]))
        };
        if !is_constant(condition) || !is_constant(message) {
            let hint = "filter with `where` to test each row".to_owned();
            return refuse(
                NOT_CONSTANT,
                "`assert` takes a condition and a message that depend on no row".to_owned(),
                Some(hint),
            );
        }
        if self.context.constant(condition)? == Literal::Bool(true) {
            return Ok(boolean(true));
        }
        let message = match self.context.constant(message)? {
            Literal::String(message) => message,
            _ => String::new(),
        };
        refuse(ASSERTION_FAILED, format!("assertion failed: {message}"), None)
    }

    /// What the request says about itself and the service.
    fn request_fact(&self, function: &'static str, scalar: &Scalar) -> Result<Expr, QueryError> {
        let facts = &self.context.facts;
        match function {
            "current_cluster_endpoint" => Ok(text(&facts.endpoint)),
            "current_database" => Ok(text(&facts.database)),
            "current_principal" => Ok(text(&facts.principal)),
            "current_principal_details" => {
                let details = serde_json::json!({ "UserPrincipalName": facts.principal });
                let details = Literal::Dynamic(details.to_string());
                Ok(Expr::Literal(to_scalar_value(&details, KqlType::Dynamic), None))
            }
            // Groups live with the directory, which the engine does not see.
            "current_principal_is_member_of" => Ok(boolean(false)),
            _ => Err(QueryError::unsupported(function, scalar.span)),
        }
    }

    /// A call of a function that the registry has a kernel for.
    fn kernel(&self, function: &'static str, args: &[Scalar], scalar: &Scalar) -> Result<Expr, QueryError> {
        let entry =
            registry::kernel(function).ok_or_else(|| QueryError::unsupported(function, scalar.span))?;
        let values = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>, _>>()?;
        let types = args.iter().map(|arg| arg.ty).collect();
        Ok(apply(entry, types, scalar.ty, values))
    }

    /// `bin` and `bin_at` by constants, vectorised; `None` where types are mixed or a size is not constant.
    fn plain_bin(
        &self,
        value: &Scalar,
        size: &Scalar,
        at: Option<&Scalar>,
        ret: KqlType,
    ) -> Result<Option<Expr>, QueryError> {
        if value.ty != ret || !is_constant(size) || at.is_some_and(|at| at.ty != ret || !is_constant(at)) {
            return Ok(None);
        }
        let at = match at.map(|at| self.context.constant(at)).transpose()? {
            None => 0,
            Some(Literal::Long(at)) => at,
            Some(Literal::DateTime(at)) => at.0,
            Some(Literal::TimeSpan(at)) => at.0,
            Some(_) => return Ok(None),
        };
        let size = match (self.context.constant(size)?, ret) {
            (Literal::TimeSpan(span), KqlType::DateTime | KqlType::TimeSpan) => span.0,
            (Literal::Long(size), KqlType::Long) => size,
            (Literal::Int(size), KqlType::Long) => i64::from(size),
            _ => return Ok(None),
        };
        let Some(bin) = Bin::new(ret, size, at) else { return Ok(None) };
        Ok(Some(ScalarUDF::new_from_impl(bin).call(vec![self.value(value)?])))
    }

    fn path(&self, value: &Scalar, segments: &[PathSegment]) -> Result<Expr, QueryError> {
        let mut expr = self.value_as(value, KqlType::Dynamic)?;
        // Steps that one pass can take together.
        let mut steps = Vec::new();
        for segment in segments {
            let (key, ty) = match segment {
                PathSegment::Key(key) => {
                    steps.push(Step::Key(key.clone()));
                    continue;
                }
                PathSegment::Index(at) => match usize::try_from(*at) {
                    Ok(at) => {
                        steps.push(Step::Index(at));
                        continue;
                    }
                    Err(_) => (Expr::Literal(ScalarValue::Int64(Some(*at)), None), KqlType::Long),
                },
                PathSegment::Dynamic(key) => (self.value(key)?, key.ty),
            };
            expr = walk(expr, std::mem::take(&mut steps));
            expr = apply(dynamic::STEP, vec![KqlType::Dynamic, ty], KqlType::Dynamic, vec![expr, key]);
        }
        Ok(walk(expr, steps))
    }
}

fn walk(expr: Expr, steps: Vec<Step>) -> Expr {
    if steps.is_empty() {
        return expr;
    }
    ScalarUDF::new_from_impl(Path::new(steps)).call(vec![expr])
}

/// Calls a kernel.
pub(crate) fn apply(entry: Entry, types: Vec<KqlType>, ret: KqlType, args: Vec<Expr>) -> Expr {
    ScalarUDF::new_from_impl(Kernel::new(entry, types, ret)).call(args)
}

/// `expr` of type `from` as `to`; what does not convert becomes null.
pub(crate) fn convert_expr(expr: Expr, from: KqlType, to: KqlType) -> Result<Expr, QueryError> {
    if from == to {
        return Ok(expr);
    }
    let widens = is_number(from) && matches!((from, to), (KqlType::Int, KqlType::Long) | (_, KqlType::Real));
    if widens {
        return Ok(cast(expr, arrow_type(to)));
    }
    Ok(apply(convert::CONVERT, vec![from], to, vec![expr]))
}

/// Whether an expression of KQL's can be null.
pub(super) fn never_null(scalar: &Scalar) -> bool {
    scalar.ty == KqlType::String
        || matches!(&scalar.kind, ScalarKind::Literal(literal) if !matches!(literal, Literal::Null))
}

/// Whether the expression has no columns and no changing values, so that it can be computed now.
pub(super) fn is_constant(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => true,
        ScalarKind::Column(_) | ScalarKind::InRelation { .. } => false,
        ScalarKind::Call { function, args } => {
            !super::order::is_windowed(function)
                && !registry::is_volatile(function)
                && *function != "ingestion_time"
                && args.iter().all(is_constant)
        }
        ScalarKind::Path { value, segments } => {
            is_constant(value)
                && segments.iter().all(|segment| match segment {
                    PathSegment::Dynamic(key) => is_constant(key),
                    PathSegment::Key(_) | PathSegment::Index(_) => true,
                })
        }
    }
}

pub(super) fn text(value: &str) -> Expr {
    Expr::Literal(ScalarValue::Utf8View(Some(value.to_owned())), None)
}

pub(super) fn boolean(value: bool) -> Expr {
    Expr::Literal(ScalarValue::Boolean(Some(value)), None)
}

fn ticks(value: i64) -> Expr {
    Expr::Literal(ScalarValue::Int64(Some(value)), None)
}
