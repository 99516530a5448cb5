//! Scalar expressions.

use bartizan_schema::KqlType;

use crate::bound::{Literal, PathSegment, Rel, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::codes;

use super::scope::{Binding, Table};
use super::types::{arithmetic, conversion, is_number, ordered};
use super::{Binder, Bound, DEPTH_MAX, failed_scalar, is_null};

/// Operators that look into text: their left side is a string or dynamic.
const TEXT_OPERATORS: &[&str] =
    &["has", "contains", "startswith", "endswith", "hasprefix", "hassuffix", "matches", "like"];

impl Binder<'_> {
    /// Binds an expression that must be a scalar.
    pub(super) fn scalar(&mut self, expr: &Expr) -> Scalar {
        match self.any(expr) {
            Bound::Scalar(value) => value,
            Bound::Table(table) => {
                if !matches!(table.rel, crate::bound::Rel::Unsupported { .. }) || !self.errors.any() {
                    let hint = Some("use toscalar() to take its first value".to_owned());
                    self.errors.error_with_hint(
                        codes::NOT_SCALAR,
                        expr.span,
                        "a table stands where a value is needed",
                        hint,
                    );
                }
                failed_scalar(expr.span)
            }
        }
    }

    /// Binds a predicate.
    pub(super) fn predicate(&mut self, expr: &Expr) -> Scalar {
        let value = self.condition_value(expr);
        self.check_condition(&value, expr.span);
        value
    }

    /// Binds a side of `and` or `or`: unlike a predicate by itself, it may be a dynamic value that holds a bool.
    fn term(&mut self, expr: &Expr) -> Scalar {
        let value = self.condition_value(expr);
        if value.ty == KqlType::Dynamic {
            return converted(value, KqlType::Bool);
        }
        self.check_condition(&value, expr.span);
        value
    }

    fn condition_value(&mut self, expr: &Expr) -> Scalar {
        let expr = match &expr.kind {
            ExprKind::Assign { value, .. } => {
                let message =
                    "`=` names a value, it does not compare; the condition is what stands behind it";
                let hint = Some("to compare, write `==`".to_owned());
                self.errors.warning(codes::UNEXPECTED, expr.span, message, hint);
                value
            }
            _ => expr,
        };
        self.scalar(expr)
    }

    fn check_condition(&mut self, value: &Scalar, span: Span) {
        if value.ty != KqlType::Bool && !is_null(value) {
            let message = format!("a condition must be bool, this is {}", value.ty);
            let hint = (value.ty == KqlType::Dynamic).then(|| "use tobool()".to_owned());
            self.errors.error_with_hint(codes::NOT_BOOL, span, message, hint);
        }
    }

    /// Binds either kind of expression.
    pub(super) fn any(&mut self, expr: &Expr) -> Bound {
        let span = expr.span;
        if self.pattern.is_some()
            && let Some(value) = self.pattern_value(expr)
        {
            return Bound::Scalar(value);
        }
        if let Some(bound) = self.pattern_call(expr) {
            return bound;
        }
        let value = match &expr.kind {
            ExprKind::Error => failed_scalar(span),
            ExprKind::Paren(inner) => return self.any(inner),
            ExprKind::Pipe { .. } | ExprKind::Datatable { .. } | ExprKind::ExternalData { .. } => {
                return Bound::Table(self.table(expr));
            }
            ExprKind::EntityGroup(_) => {
                return Bound::Table(self.unsupported("entity_group", Vec::new(), true, span));
            }
            ExprKind::Name(name) => return self.name(name, span),
            ExprKind::Call { base, name, args } => return self.call(base.as_deref(), name, args, span),
            ExprKind::Member { base, name } if is_remote(base) => {
                return Bound::Table(self.remote_table(base, name, span));
            }
            ExprKind::Literal(value, ty) => Scalar::literal(value.clone(), *ty, span),
            ExprKind::Wildcard(_) => {
                self.errors.error(codes::UNEXPECTED, span, "`*` has no meaning here");
                failed_scalar(span)
            }
            ExprKind::Member { base, name } if self.row().has_steps => {
                match self.step_column(base, name, span) {
                    Some(value) => value,
                    None => self.path(base, PathSegment::Key(name.text.clone()), span),
                }
            }
            ExprKind::Member { base, name } => self.path(base, PathSegment::Key(name.text.clone()), span),
            ExprKind::Index { base, index } => self.index(base, index, span),
            ExprKind::Negate(inner) => self.negate(inner, span),
            ExprKind::Plus(inner) => self.plus(inner, span),
            ExprKind::Binary { op, left, right } => self.binary(op, left, right, span),
            ExprKind::Logic { op, terms } => self.logic(op, terms, span),
            ExprKind::Membership { op, value, list } => self.membership(op, value, list, span),
            ExprKind::Between { negated, value, low, high } => self.between(*negated, value, low, high, span),
            ExprKind::Assign { value, .. } => {
                self.errors.error(codes::UNEXPECTED, span, "a name cannot be given here");
                self.scalar(value)
            }
            ExprKind::TypeOf { types, .. } => {
                let name = types.first().map_or("dynamic", |ty| ty.name());
                Scalar::literal(Literal::String(name.to_owned()), KqlType::String, span)
            }
        };
        Bound::Scalar(value)
    }

    /// The value of a name where it is used; counted, because it may itself hold values of names.
    fn put_in(&mut self, name: &str, value: Scalar, span: Span) -> Scalar {
        let (nodes, depth) = extent(&value);
        if depth > DEPTH_MAX {
            let message =
                format!("`{name}` has more than {DEPTH_MAX} expressions nested one inside the other");
            self.errors.error(codes::TOO_DEEP, span, message);
            return failed_scalar(span);
        }
        if nodes > 1 && !self.hold(nodes, span) {
            return failed_scalar(span);
        }
        value
    }

    fn name(&mut self, name: &str, span: Span) -> Bound {
        let bound = self.meaning(name, span);
        self.probe_name(span, &bound);
        bound
    }

    fn meaning(&mut self, name: &str, span: Span) -> Bound {
        if let Some(at) = self.row().position(name) {
            let ty = self.row().columns[at].ty;
            return Bound::Scalar(Scalar::column(at, ty, span));
        }
        match self.env.find(name) {
            Some(Binding::Scalar { value, rows }) => {
                if rows.is_some_and(|rows| rows != self.row().id) {
                    let message = format!("`{name}` depends on a row of another table");
                    self.errors.error(codes::NOT_CONSTANT, span, message);
                    return Bound::Scalar(failed_scalar(span));
                }
                return Bound::Scalar(self.put_in(name, value, span));
            }
            Some(_) => return Bound::Table(self.named_table(name, span)),
            None => {}
        }
        if self.row().open {
            // the reference takes any name here; the type is not known before the query runs
            self.inferred.push(name.to_owned());
            return Bound::Scalar(failed_scalar(span));
        }
        let inside_rows = !self.row().columns.is_empty();
        if inside_rows && !self.names_table(name) {
            self.unknown_column(name, span);
            return Bound::Scalar(failed_scalar(span));
        }
        Bound::Table(self.named_table(name, span))
    }

    fn path(&mut self, base: &Expr, segment: PathSegment, span: Span) -> Scalar {
        let base = self.scalar(base);
        if base.ty != KqlType::Dynamic {
            let hint = (base.ty == KqlType::String).then(|| "parse the text first: parse_json(…)".to_owned());
            let message = format!("a value of type {} has no parts, only a dynamic one has", base.ty);
            self.errors.error_with_hint(codes::OPERAND_TYPES, span, message, hint);
            return failed_scalar(span);
        }
        let kind = match base.kind {
            // `a.b.c` is one path of three steps, so that an engine reads the JSON once
            ScalarKind::Path { value, mut segments } => {
                segments.push(segment);
                ScalarKind::Path { value, segments }
            }
            kind => {
                let value = Box::new(Scalar { kind, ty: base.ty, span: base.span });
                ScalarKind::Path { value, segments: vec![segment] }
            }
        };
        Scalar { kind, ty: KqlType::Dynamic, span }
    }

    fn index(&mut self, base: &Expr, index: &Expr, span: Span) -> Scalar {
        let index = self.scalar(index);
        let segment = match index.kind {
            ScalarKind::Literal(Literal::Long(at)) => PathSegment::Index(at),
            ScalarKind::Literal(Literal::String(key)) => PathSegment::Key(key),
            _ => PathSegment::Dynamic(Box::new(index)),
        };
        self.path(base, segment, span)
    }

    fn negate(&mut self, inner: &Expr, span: Span) -> Scalar {
        let value = self.scalar(inner);
        match value.kind {
            ScalarKind::Literal(Literal::Long(number)) => {
                return Scalar::literal(Literal::Long(number.wrapping_neg()), value.ty, span);
            }
            ScalarKind::Literal(Literal::Real(number)) => {
                return Scalar::literal(Literal::Real(-number), value.ty, span);
            }
            ScalarKind::Literal(Literal::TimeSpan(length)) => {
                let negated = bartizan_base::Timespan(length.0.saturating_neg());
                return Scalar::literal(Literal::TimeSpan(negated), value.ty, span);
            }
            _ => {}
        }
        let ty = match value.ty {
            KqlType::Int => KqlType::Long,
            ty
            @ (KqlType::Long | KqlType::Real | KqlType::Decimal | KqlType::TimeSpan | KqlType::Dynamic) => ty,
            other => {
                let message = format!("`-` takes a number or a timespan, this is {other}");
                self.errors.error(codes::OPERAND_TYPES, span, message);
                return failed_scalar(span);
            }
        };
        Scalar { kind: ScalarKind::Call { function: "neg", args: vec![value] }, ty, span }
    }

    /// `+a`: the value itself; an int becomes long, as behind the other sign.
    fn plus(&mut self, inner: &Expr, span: Span) -> Scalar {
        let value = self.scalar(inner);
        match value.ty {
            KqlType::Int => converted(value, KqlType::Long),
            KqlType::Long
            | KqlType::Real
            | KqlType::Decimal
            | KqlType::TimeSpan
            | KqlType::DateTime
            | KqlType::Dynamic => value,
            other => {
                let message = format!("`+` takes a number, a timespan or a datetime, this is {other}");
                self.errors.error(codes::OPERAND_TYPES, span, message);
                failed_scalar(span)
            }
        }
    }

    fn binary(&mut self, op: &'static str, left: &Expr, right: &Expr, span: Span) -> Scalar {
        if let ExprKind::Wildcard(pattern) = &left.unwrapped().kind {
            let right = self.scalar(right);
            return self.any_column(op, pattern, &right, span);
        }
        let left = self.scalar(left);
        let right = self.scalar(right);
        self.operation(op, left, right, span)
    }

    /// An operator over two bound values.
    fn operation(&mut self, op: &'static str, left: Scalar, right: Scalar, span: Span) -> Scalar {
        let (left, right) = match op {
            "==" | "!=" => alike(left, right),
            "<" | "<=" | ">" | ">=" => counted(left, right),
            _ => (left, right),
        };
        let (a, b) = (left.ty, right.ty);
        let word = op.trim_start_matches('!').trim_start_matches("not");
        let ty = match op {
            "+" | "-" | "*" | "/" | "%" => arithmetic(op, a, b),
            "<" | "<=" | ">" | ">=" => ordered(a, b).then_some(KqlType::Bool),
            _ if TEXT_OPERATORS.iter().any(|text| word.starts_with(text)) => {
                let text = |ty| matches!(ty, KqlType::String | KqlType::Dynamic);
                (text(a) && text(b)).then_some(KqlType::Bool)
            }
            _ => Some(KqlType::Bool),
        };
        let Some(ty) = ty else {
            let hint = match (op, a, b) {
                ("+", KqlType::String, _) | ("+", _, KqlType::String) => {
                    Some("use strcat() to join text".to_owned())
                }
                (_, KqlType::DateTime, KqlType::String) => Some("use todatetime() or datetime(…)".to_owned()),
                (_, KqlType::String, _) => Some(format!("convert the left side: {}()", conversion(b))),
                _ => None,
            };
            self.errors.error_with_hint(
                codes::OPERAND_TYPES,
                span,
                format!("`{op}` is not defined for {a} and {b}"),
                hint,
            );
            return failed_scalar(span);
        };
        Scalar { kind: ScalarKind::Call { function: op, args: vec![left, right] }, ty, span }
    }

    /// `* has 'x'`: whether any column that can hold text does.
    pub(super) fn any_column(
        &mut self,
        op: &'static str,
        pattern: &str,
        right: &Scalar,
        span: Span,
    ) -> Scalar {
        let mut terms = Vec::new();
        for (at, column) in self.row().columns.iter().enumerate() {
            if matches!(column.ty, KqlType::String | KqlType::Dynamic)
                && super::naming::matches_wildcard(pattern, &column.name)
            {
                terms.push((at, column.ty));
            }
        }
        let terms: Vec<Scalar> = terms
            .into_iter()
            .map(|(at, ty)| converted(Scalar::column(at, ty, span), KqlType::String))
            .map(|value| self.operation(op, value, right.clone(), span))
            .collect();
        self.hold(terms.len(), span);
        balanced("or", terms, span)
    }

    fn logic(&mut self, op: &'static str, terms: &[Expr], span: Span) -> Scalar {
        let terms = terms.iter().map(|term| self.term(term)).collect();
        balanced(op, terms, span)
    }

    fn membership(&mut self, op: &'static str, value: &Expr, list: &[Expr], span: Span) -> Scalar {
        if let ExprKind::Wildcard(pattern) = &value.unwrapped().kind {
            let right = self.scalar(list.first().unwrap_or(value));
            return self.any_column(op, pattern, &right, span);
        }
        let value = self.scalar(value);
        let mut args = vec![value];
        for item in list {
            match self.any(item) {
                Bound::Scalar(item) if matches!(op, "in" | "!in") => {
                    let ty = args[0].ty;
                    args.push(if text_and_value(item.ty, ty) { converted(item, ty) } else { item });
                }
                Bound::Scalar(item) => args.push(item),
                Bound::Table(table) if list.len() == 1 => {
                    let value = args.swap_remove(0);
                    return self.in_table(op, value, table, span);
                }
                Bound::Table(_) => {
                    let message = "a table cannot stand among other values of a list";
                    self.errors.error(codes::NOT_SCALAR, item.span, message);
                }
            }
        }
        Scalar { kind: ScalarKind::Call { function: op, args }, ty: KqlType::Bool, span }
    }

    fn in_table(&mut self, op: &'static str, value: Scalar, table: Table, span: Span) -> Scalar {
        self.hold(table.cost, span);
        if matches!(op, "has_any" | "has_all") {
            let list = self.first_column_as_array(table, span);
            return Scalar {
                kind: ScalarKind::Call { function: op, args: vec![value, list] },
                ty: KqlType::Bool,
                span,
            };
        }
        let kind = ScalarKind::InRelation {
            value: Box::new(value),
            relation: Box::new(table.rel),
            negated: op.starts_with('!'),
            ignore_case: op.ends_with('~'),
        };
        Scalar { kind, ty: KqlType::Bool, span }
    }

    fn between(&mut self, negated: bool, value: &Expr, low: &Expr, high: &Expr, span: Span) -> Scalar {
        let value = self.scalar(value);
        let low = self.scalar(low);
        let mut high = self.scalar(high);
        if low.ty == KqlType::DateTime && high.ty == KqlType::TimeSpan {
            high = self.operation("+", low.clone(), high, span);
        }
        for bound in [&low, &high] {
            if !ordered(value.ty, bound.ty) {
                let message = format!("`between` cannot compare {} and {}", value.ty, bound.ty);
                self.errors.error(codes::OPERAND_TYPES, bound.span, message);
            }
        }
        let function = if negated { "!between" } else { "between" };
        Scalar { kind: ScalarKind::Call { function, args: vec![value, low, high] }, ty: KqlType::Bool, span }
    }
}

/// How many nodes a value has, those of its sub-queries too, and how deep its expressions are nested.
fn extent(value: &Scalar) -> (usize, usize) {
    let relation = |rel: &Rel| {
        let mut nodes = 0;
        crate::visit::relations(rel, &mut |rel| nodes += 1 + crate::visit::scalars(rel).len());
        nodes
    };
    match &value.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) => (1, 1),
        ScalarKind::ToScalar(rel) => (1 + relation(rel), 1),
        ScalarKind::InRelation { value, relation: rel, .. } => {
            let (nodes, depth) = extent(value);
            (1 + nodes + relation(rel), 1 + depth)
        }
        ScalarKind::Call { args, .. } => {
            args.iter().map(extent).fold((1, 1), |all, (nodes, depth)| (all.0 + nodes, all.1.max(1 + depth)))
        }
        ScalarKind::Path { value, segments } => {
            let (nodes, depth) = extent(value);
            let keys = segments.iter().filter_map(|segment| match segment {
                PathSegment::Dynamic(key) => Some(extent(key)),
                PathSegment::Key(_) | PathSegment::Index(_) => None,
            });
            keys.fold((1 + nodes, 1 + depth), |all, (nodes, depth)| (all.0 + nodes, all.1.max(1 + depth)))
        }
    }
}

/// Whether one type is text and the other a value that text can be read as.
fn text_and_value(a: KqlType, b: KqlType) -> bool {
    a != b && (a == KqlType::String || b == KqlType::String) && a != KqlType::Dynamic && b != KqlType::Dynamic
}

/// `EventID == '4624'`: text is read as what it is compared with; text that cannot be is null.
fn alike(left: Scalar, right: Scalar) -> (Scalar, Scalar) {
    if !text_and_value(left.ty, right.ty) {
        return (left, right);
    }
    match (left.ty, right.ty) {
        (KqlType::String, ty) => (converted(left, ty), right),
        (ty, _) => (left, converted(right, ty)),
    }
}

/// Whether names behind this one are of another place.
pub(super) fn is_remote(base: &Expr) -> bool {
    match &base.kind {
        ExprKind::Call { base: None, name, .. } => {
            matches!(
                name.text.as_str(),
                "cluster" | "database" | "workspace" | "app" | "resource" | "adx" | "arg"
            )
        }
        ExprKind::Call { base: Some(inner), .. } => is_remote(inner),
        _ => false,
    }
}

/// `a op b op c` as a tree of even depth: rules chain hundreds of terms, and both operators associate.
pub(super) fn balanced(op: &'static str, mut terms: Vec<Scalar>, span: Span) -> Scalar {
    while terms.len() > 1 {
        let mut pairs = terms.into_iter();
        let mut next = Vec::with_capacity(pairs.len() / 2 + 1);
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => {
                    let span = left.span.to(right.span);
                    Scalar {
                        kind: ScalarKind::Call { function: op, args: vec![left, right] },
                        ty: KqlType::Bool,
                        span,
                    }
                }
                None => left,
            });
        }
        terms = next;
    }
    terms.pop().unwrap_or(Scalar::literal(Literal::Bool(op == "and"), KqlType::Bool, span))
}

/// A bool beside a number is ordered as 0 or 1.
fn counted(left: Scalar, right: Scalar) -> (Scalar, Scalar) {
    match (left.ty, right.ty) {
        (KqlType::Bool, other) if is_number(other) => (converted(left, KqlType::Long), right),
        (other, KqlType::Bool) if is_number(other) => (left, converted(right, KqlType::Long)),
        _ => (left, right),
    }
}

/// The value as another type; constants are converted on the spot.
pub(super) fn converted(value: Scalar, ty: KqlType) -> Scalar {
    if value.ty == ty {
        return value;
    }
    let span = value.span;
    let folded = match (&value.kind, ty) {
        (ScalarKind::Literal(Literal::Null), KqlType::String) => Some(Literal::String(String::new())),
        (ScalarKind::Literal(Literal::Null), _) => Some(Literal::Null),
        (ScalarKind::Literal(Literal::Long(number)), KqlType::Int) => {
            i32::try_from(*number).ok().map(Literal::Int)
        }
        (ScalarKind::Literal(Literal::Long(number)), KqlType::Real) => Some(Literal::Real(*number as f64)),
        (ScalarKind::Literal(Literal::Long(number)), KqlType::Decimal) => {
            Some(Literal::Decimal(number.to_string()))
        }
        (ScalarKind::Literal(Literal::Int(number)), KqlType::Long) => Some(Literal::Long(i64::from(*number))),
        _ => None,
    };
    if let Some(literal) = folded {
        return Scalar::literal(literal, ty, span);
    }
    Scalar { kind: ScalarKind::Call { function: conversion(ty), args: vec![value] }, ty, span }
}
