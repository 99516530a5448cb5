//! OData's `$filter` as policy states and events are asked with: comparisons and text functions, joined by `and`, `or`,
//! `not` and parentheses.

use bartizan_base::Ticks;
use serde_json::{Map, Value};

/// Longest filter, in bytes; deepest nesting of its parentheses.
const LENGTH_MAX: usize = 16_384;
const DEPTH_MAX: usize = 32;

/// What cannot be read in a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`$filter` cannot be read at `{0}`: it holds comparisons such as `complianceState eq 'NonCompliant'` (eq, ne, gt, \
     ge, lt, le), `startswith`, `endswith` and `contains`, joined by `and`, `or`, `not` and parentheses"
)]
pub(crate) struct FilterError(String);

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Holds always.
    Everything,
    All(Box<Filter>, Box<Filter>),
    Any(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare {
        name: String,
        operator: Operator,
        value: Literal,
    },
    Text {
        function: Function,
        name: String,
        value: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Starts,
    Ends,
    Contains,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Filter {
    /// Reads a filter; an empty text holds always.
    ///
    /// # Errors
    /// With the place that cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > LENGTH_MAX {
            return Err(FilterError(format!("more than {LENGTH_MAX} bytes")));
        }
        if text.trim().is_empty() {
            return Ok(Self::Everything);
        }
        let mut parser = Parser { rest: text, depth: 0 };
        let filter = parser.any()?;
        if parser.rest.trim().is_empty() { Ok(filter) } else { Err(parser.error()) }
    }

    /// The filter that one member has one text.
    pub(crate) fn equals(name: &str, value: &str) -> Self {
        let value = Literal::Text(value.to_owned());
        Self::Compare { name: name.to_owned(), operator: Operator::Eq, value }
    }

    /// Whether a row passes. Names and text compare without regard to case.
    pub(crate) fn holds(&self, row: &Map<String, Value>) -> bool {
        match self {
            Self::Everything => true,
            Self::All(one, other) => one.holds(row) && other.holds(row),
            Self::Any(one, other) => one.holds(row) || other.holds(row),
            Self::Not(inner) => !inner.holds(row),
            Self::Compare { name, operator, value } => compare(member(row, name), *operator, value),
            Self::Text { function, name, value } => {
                let text = member(row, name).as_str().unwrap_or_default().to_lowercase();
                match function {
                    Function::Starts => text.starts_with(value),
                    Function::Ends => text.ends_with(value),
                    Function::Contains => text.contains(value),
                }
            }
        }
    }
}

/// A member of a row by its name in any case; `null` when absent.
pub(crate) fn member<'r>(row: &'r Map<String, Value>, name: &str) -> &'r Value {
    row.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or(&Value::Null, |(_, value)| value)
}

fn compare(found: &Value, operator: Operator, value: &Literal) -> bool {
    let order = match (found, value) {
        (Value::Null, Literal::Null) => Some(std::cmp::Ordering::Equal),
        (Value::Bool(found), Literal::Bool(value)) => Some(found.cmp(value)),
        (Value::Number(found), Literal::Number(value)) => found.as_f64().and_then(|f| f.partial_cmp(value)),
        (Value::String(found), Literal::Text(value)) => {
            Some(match (Ticks::parse(found), Ticks::parse(value)) {
                (Ok(found), Ok(value)) => found.cmp(&value),
                _ => found.to_lowercase().cmp(&value.to_lowercase()),
            })
        }
        // Clients quote what they like.
        (Value::Bool(found), Literal::Text(value)) => {
            value.to_lowercase().parse().ok().map(|value| found.cmp(&value))
        }
        _ => None,
    };
    match (order, operator) {
        (None, Operator::Ne) => true,
        (None, _) => false,
        (Some(order), Operator::Eq) => order.is_eq(),
        (Some(order), Operator::Ne) => order.is_ne(),
        (Some(order), Operator::Gt) => order.is_gt(),
        (Some(order), Operator::Ge) => order.is_ge(),
        (Some(order), Operator::Lt) => order.is_lt(),
        (Some(order), Operator::Le) => order.is_le(),
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn error(&self) -> FilterError {
        let shown: String = self.rest.trim().chars().take(120).collect();
        FilterError(if shown.is_empty() { "its end".to_owned() } else { shown })
    }

    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.all()?;
        while self.word("or") {
            left = Filter::Any(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.one()?;
        while self.word("and") {
            left = Filter::All(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, FilterError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error());
        }
        self.depth += 1;
        let made = self.term();
        self.depth -= 1;
        made
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.sign('(') {
            let inner = self.any()?;
            return if self.sign(')') { Ok(inner) } else { Err(self.error()) };
        }
        let start = self.rest;
        let name = self.name();
        let function = match name.to_ascii_lowercase().as_str() {
            "" => return Err(self.error()),
            "startswith" => Some(Function::Starts),
            "endswith" => Some(Function::Ends),
            "contains" => Some(Function::Contains),
            _ => None,
        };
        if let Some(function) = function.filter(|_| self.sign('(')) {
            let name = self.name().to_owned();
            let comma = self.sign(',');
            let value = self.literal()?;
            return match value {
                Literal::Text(value) if comma && self.sign(')') => {
                    Ok(Filter::Text { function, name, value: value.to_lowercase() })
                }
                _ => Err(FilterError(start.trim().chars().take(120).collect())),
            };
        }
        let operators = [
            ("eq", Operator::Eq),
            ("ne", Operator::Ne),
            ("gt", Operator::Gt),
            ("ge", Operator::Ge),
            ("lt", Operator::Lt),
            ("le", Operator::Le),
        ];
        let found = operators.into_iter().find(|(word, _)| self.word(word));
        let Some((_, operator)) = found else {
            return Err(FilterError(start.trim().chars().take(120).collect()));
        };
        Ok(Filter::Compare { name: name.to_owned(), operator, value: self.literal()? })
    }

    /// Takes a word that ends there.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let taken = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(is_name);
        if taken {
            self.rest = &rest[word.len()..];
        }
        taken
    }

    fn sign(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        self.rest = &rest[end..];
        &rest[..end]
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        let rest = self.rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('\'') {
            let mut text = String::new();
            let mut letters = quoted.char_indices().peekable();
            while let Some((at, letter)) = letters.next() {
                if letter != '\'' {
                    text.push(letter);
                } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
                    text.push('\'');
                } else {
                    self.rest = &quoted[at + 1..];
                    return Ok(Literal::Text(text));
                }
            }
            return Err(self.error());
        }
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == ')').unwrap_or(rest.len());
        let bare = &rest[..end];
        if bare.is_empty() {
            return Err(self.error());
        }
        self.rest = &rest[end..];
        Ok(match (bare.to_ascii_lowercase().as_str(), bare.parse::<f64>()) {
            ("null", _) => Literal::Null,
            ("true", _) => Literal::Bool(true),
            ("false", _) => Literal::Bool(false),
            (_, Ok(number)) => Literal::Number(number),
            // A moment without quotes, as OData writes it.
            _ => Literal::Text(bare.to_owned()),
        })
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '@' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> Option<bool> {
        let row = json!({"complianceState": "NonCompliant", "isCompliant": false, "count": 7, "name": "it's, (here) and there",
                         "timestamp": "2026-03-01T12:00:00.5Z", "none": null});
        Filter::parse(filter).ok().map(|filter| filter.holds(row.as_object().unwrap()))
    }

    #[test]
    fn filters() {
        for (filter, expected) in [
            ("", true),
            ("ComplianceState eq 'noncompliant'", true),
            ("complianceState ne 'Compliant' and isCompliant eq false", true),
            ("isCompliant eq 'False'", true),
            ("count gt 6 and count le 7", true),
            ("count gt 7 or (name eq 'it''s, (here) and there')", true),
            ("not (count lt 3) and not startswith(name, 'x')", true),
            ("startswith(name, 'IT''S') and endswith(name,'there') and contains(name, '(here)')", true),
            ("timestamp ge 2026-03-01T12:00:00Z and timestamp lt 2026-03-01T12:00:01Z", true),
            ("timestamp gt '2026-03-01T12:00:01Z'", false),
            ("none eq null and other eq null", true),
            ("other ne 'x'", true),
            ("other eq 'x'", false),
            ("a eq 'b' or complianceState eq 'NonCompliant' and count eq 7", true),
        ] {
            assert_eq!(holds(filter), Some(expected), "{filter}");
        }
        let deep = format!("{}count eq 7{}", "(".repeat(100), ")".repeat(100));
        for wrong in [
            "count",
            "count like 3",
            "(count eq 7",
            "count eq 7)",
            "count eq 'x",
            "and",
            "not",
            "contains(name)",
            "count eq",
            &deep,
        ] {
            assert_eq!(holds(wrong), None, "{wrong}");
        }
    }
}
