//! Text → expression.

use serde_json::Value;

use super::{DEPTH_MAX, Expression, ExpressionError, LENGTH_MAX, Part, functions};

/// Parses the expressions of `value`.
pub(super) fn part(value: &Value, depth: usize) -> Result<Part, ExpressionError> {
    if depth > DEPTH_MAX {
        return Err(ExpressionError::TooDeep);
    }
    Ok(match value {
        Value::String(text) => text_part(text)?,
        Value::Array(items) => {
            let parts = items
                .iter()
                .map(|item| part(item, depth + 1))
                .collect::<Result<Vec<_>, ExpressionError>>()?;
            if parts.iter().all(is_constant) { Part::Constant(constants(parts)) } else { Part::Array(parts) }
        }
        Value::Object(members) => {
            let parts = members
                .iter()
                .map(|(name, member)| Ok((text_part(name)?, part(member, depth + 1)?)))
                .collect::<Result<Vec<_>, ExpressionError>>()?;
            if parts.iter().all(|(name, member)| is_constant(name) && is_constant(member)) {
                // Escaped names and values have lost their second bracket.
                Part::Constant(Value::Object(
                    parts
                        .into_iter()
                        .filter_map(|(name, member)| Some((name_of(name)?, constant(member)?)))
                        .collect(),
                ))
            } else {
                Part::Object(parts)
            }
        }
        other => Part::Constant(other.clone()),
    })
}

fn is_constant(part: &Part) -> bool {
    matches!(part, Part::Constant(_))
}

fn constant(part: Part) -> Option<Value> {
    match part {
        Part::Constant(value) => Some(value),
        _ => None,
    }
}

fn name_of(part: Part) -> Option<String> {
    match part {
        Part::Constant(Value::String(name)) => Some(name),
        _ => None,
    }
}

fn constants(parts: Vec<Part>) -> Value {
    Value::Array(parts.into_iter().filter_map(constant).collect())
}

fn text_part(text: &str) -> Result<Part, ExpressionError> {
    if text.starts_with("[[") {
        return Ok(Part::Constant(Value::String(text[1..].to_owned())));
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => Ok(match expression(inner)? {
            Expression::Literal(value) => Part::Constant(value),
            expression => Part::Expression(expression),
        }),
        None => Ok(Part::Constant(Value::String(text.to_owned()))),
    }
}

/// Parses one expression, without its brackets.
pub(super) fn expression(text: &str) -> Result<Expression, ExpressionError> {
    if text.len() > LENGTH_MAX {
        return Err(ExpressionError::TooLong);
    }
    let mut parser = Parser { text, at: 0 };
    let expression = parser.expression(0)?;
    parser.skip_spaces();
    if parser.at == text.len() { Ok(expression) } else { Err(parser.syntax("the end, `.` or `[`")) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn expression(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        if depth > DEPTH_MAX {
            return Err(ExpressionError::TooDeep);
        }
        self.skip_spaces();
        let mut expression = match self.peek() {
            Some(b'\'') => Expression::Literal(Value::String(self.string()?)),
            Some(byte) if byte.is_ascii_digit() || byte == b'-' => Expression::Literal(self.number()?),
            Some(byte) if byte.is_ascii_alphabetic() => self.call(depth)?,
            _ => return Err(self.syntax("a function, a text or a number")),
        };
        // A chain is bounded too: dropping one is recursive.
        for _ in 0..DEPTH_MAX {
            self.skip_spaces();
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    let name = self.word()?;
                    expression = Expression::Member { of: Box::new(expression), name };
                }
                Some(b'[') => {
                    self.at += 1;
                    let index = Box::new(self.expression(depth + 1)?);
                    self.expect(b']', "`]`")?;
                    expression = Expression::Index { of: Box::new(expression), index };
                }
                _ => return Ok(expression),
            }
        }
        Err(ExpressionError::TooDeep)
    }

    fn call(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        let mut name = self.word()?;
        // `utcNow` and the like have no namespace; a user-defined function of a template has one.
        if self.peek() == Some(b'.') {
            self.at += 1;
            name = format!("{name}.{}", self.word()?);
        }
        self.expect(b'(', "`(`")?;
        let mut arguments = Vec::new();
        self.skip_spaces();
        while self.peek() != Some(b')') {
            if !arguments.is_empty() {
                self.expect(b',', "`,` or `)`")?;
            }
            arguments.push(self.expression(depth + 1)?);
            self.skip_spaces();
        }
        self.at += 1;
        let function = functions::find(&name)?;
        function.check_count(arguments.len())?;
        Ok(Expression::Call { function, arguments })
    }

    fn string(&mut self) -> Result<String, ExpressionError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\'').ok_or_else(|| self.syntax("the closing quote"))?;
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if self.peek() != Some(b'\'') {
                return Ok(out);
            }
            out.push('\'');
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value, ExpressionError> {
        let rest = &self.text[self.at..];
        let length =
            rest.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')).count();
        let digits = &rest[..length];
        let value = match digits.parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) if digits.contains('.') => digits
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| self.syntax("a number"))?,
            Err(_) => return Err(self.syntax("a number of 64 bits")),
        };
        self.at += length;
        Ok(value)
    }

    fn word(&mut self) -> Result<String, ExpressionError> {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 {
            return Err(self.syntax("a name"));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), ExpressionError> {
        self.skip_spaces();
        if self.peek() != Some(byte) {
            return Err(self.syntax(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn syntax(&self, wanted: &'static str) -> ExpressionError {
        ExpressionError::Syntax { expression: self.text.chars().take(120).collect(), at: self.at, wanted }
    }
}
