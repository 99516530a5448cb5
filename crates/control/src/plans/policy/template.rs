//! Template expressions inside policies: `[parameters('effect')]`, `[concat(field('name'), '/MDE.Linux')]`.
//!
//! The subset of Azure Resource Manager's template language that policy rules and the deployments inside
//! them use. An unknown function is an error with its name, never an empty text: a policy that silently
//! compared against nothing would report machines compliant that nobody looked at.

use serde_json::{Map, Value};

use super::field;
use super::target::Target;

/// Deepest nesting of calls in one expression. The deepest in Azure's built-in policies is 9.
const DEPTH_MAX: usize = 24;
/// Longest expression, in bytes. Azure's own limit is 24,576 characters.
const LENGTH_MAX: usize = 24_576;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("expression `{expression}` has a syntax error at position {at}")]
    Syntax { expression: String, at: usize },
    #[error("function `{0}` is not supported")]
    UnknownFunction(String),
    #[error("parameter `{0}` has no value")]
    UnknownParameter(String),
    #[error("function `{function}` was called with wrong arguments")]
    Arguments { function: String },
    #[error("expression nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("expression is longer than {LENGTH_MAX} bytes")]
    TooLong,
}

/// What an expression can see.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub parameters: &'a Map<String, Value>,
    pub target: &'a Target,
}

/// Resolves every expression in `value`, at any depth of arrays and objects.
///
/// # Errors
/// See [`TemplateError`].
pub fn resolve(value: &Value, scope: &Scope<'_>) -> Result<Value, TemplateError> {
    resolve_at(value, scope, 0)
}

fn resolve_at(value: &Value, scope: &Scope<'_>, depth: usize) -> Result<Value, TemplateError> {
    if depth > DEPTH_MAX {
        return Err(TemplateError::TooDeep);
    }
    match value {
        Value::String(text) => resolve_text(text, scope),
        Value::Array(items) => items
            .iter()
            .map(|item| resolve_at(item, scope, depth + 1))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| Ok((name.clone(), resolve_at(member, scope, depth + 1)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

/// Resolves one text: an expression when it stands in `[…]`, a literal otherwise. `[[` escapes a bracket.
///
/// # Errors
/// See [`TemplateError`].
pub fn resolve_text(text: &str, scope: &Scope<'_>) -> Result<Value, TemplateError> {
    if let Some(literal) = text.strip_prefix("[[") {
        return Ok(Value::String(format!("[{literal}")));
    }
    let Some(expression) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return Ok(Value::String(text.to_owned()));
    };
    if expression.len() > LENGTH_MAX {
        return Err(TemplateError::TooLong);
    }
    let mut parser = Parser { text: expression, at: 0, scope };
    let value = parser.expression(0)?;
    parser.skip_spaces();
    if parser.at == expression.len() { Ok(value) } else { Err(parser.syntax()) }
}

/// Evaluates while it parses: expressions are short and read once per evaluation.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    scope: &'a Scope<'a>,
}

impl Parser<'_> {
    fn expression(&mut self, depth: usize) -> Result<Value, TemplateError> {
        if depth > DEPTH_MAX {
            return Err(TemplateError::TooDeep);
        }
        self.skip_spaces();
        let mut value = match self.peek() {
            Some(b'\'') => Value::String(self.string()?),
            Some(byte) if byte.is_ascii_digit() || byte == b'-' => self.number()?,
            Some(byte) if byte.is_ascii_alphabetic() => self.call(depth)?,
            _ => return Err(self.syntax()),
        };
        loop {
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    let name = self.word()?;
                    value = field::member(&value, &name).cloned().unwrap_or(Value::Null);
                }
                Some(b'[') => {
                    self.at += 1;
                    let index = self.expression(depth + 1)?;
                    self.expect(b']')?;
                    value = index_into(&value, &index);
                }
                _ => return Ok(value),
            }
        }
    }

    fn call(&mut self, depth: usize) -> Result<Value, TemplateError> {
        let name = self.word()?;
        self.expect(b'(')?;
        let mut arguments = Vec::new();
        self.skip_spaces();
        while self.peek() != Some(b')') {
            if !arguments.is_empty() {
                self.expect(b',')?;
            }
            arguments.push(self.expression(depth + 1)?);
            self.skip_spaces();
        }
        self.at += 1;
        call(&name, &arguments, self.scope)
    }

    fn string(&mut self) -> Result<String, TemplateError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\'').ok_or_else(|| self.syntax())?;
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if self.peek() != Some(b'\'') {
                return Ok(out);
            }
            out.push('\'');
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value, TemplateError> {
        let rest = &self.text[self.at..];
        let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count() + 1;
        let value = rest[..digits].parse::<i64>().map_err(|_| self.syntax())?;
        self.at += digits;
        Ok(value.into())
    }

    fn word(&mut self) -> Result<String, TemplateError> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 {
            return Err(self.syntax());
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn expect(&mut self, byte: u8) -> Result<(), TemplateError> {
        self.skip_spaces();
        if self.peek() != Some(byte) {
            return Err(self.syntax());
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

    fn syntax(&self) -> TemplateError {
        TemplateError::Syntax { expression: self.text.chars().take(120).collect(), at: self.at }
    }
}

fn index_into(value: &Value, index: &Value) -> Value {
    let found = match index {
        Value::String(name) => field::member(value, name),
        Value::Number(number) => {
            number.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| value.get(at))
        }
        _ => None,
    };
    found.cloned().unwrap_or(Value::Null)
}

/// The functions, in alphabetical order; names compare without regard to case, as in Azure.
fn call(name: &str, arguments: &[Value], scope: &Scope<'_>) -> Result<Value, TemplateError> {
    let wrong = || TemplateError::Arguments { function: name.to_owned() };
    let text = |at: usize| arguments.get(at).and_then(Value::as_str).ok_or_else(wrong);
    let any = |at: usize| arguments.get(at).ok_or_else(wrong);
    Ok(match name.to_ascii_lowercase().as_str() {
        "and" => arguments.iter().all(truthy).into(),
        "coalesce" => arguments.iter().find(|value| !value.is_null()).cloned().unwrap_or(Value::Null),
        "concat" => concat(arguments),
        "contains" => contains(any(0)?, any(1)?).into(),
        "createarray" => Value::Array(arguments.to_vec()),
        "empty" => is_empty(any(0)?).into(),
        "endswith" => text(0)?.to_lowercase().ends_with(&text(1)?.to_lowercase()).into(),
        "equals" => (any(0)? == any(1)?).into(),
        "false" => false.into(),
        "field" => field::read(scope.target, text(0)?).into_value(),
        "first" => match any(0)? {
            Value::Array(items) => items.first().cloned().unwrap_or(Value::Null),
            Value::String(text) => text.chars().take(1).collect::<String>().into(),
            _ => return Err(wrong()),
        },
        "if" => if truthy(any(0)?) { any(1)? } else { any(2)? }.clone(),
        "last" => match any(0)? {
            Value::Array(items) => items.last().cloned().unwrap_or(Value::Null),
            Value::String(text) => text.chars().last().map(String::from).unwrap_or_default().into(),
            _ => return Err(wrong()),
        },
        "length" => match any(0)? {
            Value::Array(items) => items.len().into(),
            Value::Object(members) => members.len().into(),
            Value::String(text) => text.chars().count().into(),
            _ => return Err(wrong()),
        },
        "not" => (!truthy(any(0)?)).into(),
        "or" => arguments.iter().any(truthy).into(),
        "parameters" => parameter(text(0)?, scope)?,
        "reference" => reference(text(0)?)?,
        "replace" => text(0)?.replace(text(1)?, text(2)?).into(),
        "resourcegroup" => resource_group(scope.target),
        "split" => {
            let parts = text(0)?.split(text(1)?).map(Value::from).collect::<Vec<_>>();
            Value::Array(parts)
        }
        "startswith" => text(0)?.to_lowercase().starts_with(&text(1)?.to_lowercase()).into(),
        "string" => field::text_of(any(0)?).into(),
        "subscription" => subscription(scope.target),
        "subscriptionresourceid" => {
            let subscription = scope.target.id.subscription().unwrap_or_default();
            let (types, names) = (text(0)?, &arguments[1..]);
            let (namespace, types) = types.split_once('/').ok_or_else(wrong)?;
            let pairs =
                types.split('/').zip(names).map(|(ty, name)| format!("/{ty}/{}", field::text_of(name)));
            format!("/subscriptions/{subscription}/providers/{namespace}{}", pairs.collect::<String>()).into()
        }
        "tolower" => text(0)?.to_lowercase().into(),
        "toupper" => text(0)?.to_uppercase().into(),
        "true" => true.into(),
        _ => return Err(TemplateError::UnknownFunction(name.to_owned())),
    })
}

/// The one resource that built-in policies refer to while they deploy: the sensor's onboarding package. Our
/// agent is onboarded by its certificate, so the package is empty.
fn reference(id: &str) -> Result<Value, TemplateError> {
    if id.to_ascii_lowercase().contains("/providers/microsoft.security/mdeonboardings/") {
        return Ok(
            serde_json::json!({"properties": {"onboardingPackageLinux": "", "onboardingPackageWindows": ""}}),
        );
    }
    Err(TemplateError::UnknownFunction("reference".to_owned()))
}

fn parameter(name: &str, scope: &Scope<'_>) -> Result<Value, TemplateError> {
    let found = scope.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone()).ok_or_else(|| TemplateError::UnknownParameter(name.to_owned()))
}

fn concat(arguments: &[Value]) -> Value {
    if !arguments.is_empty() && arguments.iter().all(Value::is_array) {
        return Value::Array(
            arguments.iter().flat_map(|value| value.as_array().cloned().unwrap_or_default()).collect(),
        );
    }
    arguments.iter().map(field::text_of).collect::<String>().into()
}

fn contains(container: &Value, item: &Value) -> bool {
    match container {
        Value::Array(items) => items.contains(item),
        Value::Object(members) => item.as_str().is_some_and(|name| members.contains_key(name)),
        other => field::text_of(other).contains(&field::text_of(item)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn truthy(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| field::text_of(value).eq_ignore_ascii_case("true"))
}

fn resource_group(target: &Target) -> Value {
    let name = target.id.resource_group().unwrap_or_default();
    let subscription = target.id.subscription().unwrap_or_default();
    serde_json::json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/{name}"),
        "name": name,
        "location": target.body.get("location").cloned().unwrap_or(Value::Null),
    })
}

fn subscription(target: &Target) -> Value {
    let id = target.id.subscription().unwrap_or_default();
    serde_json::json!({ "id": format!("/subscriptions/{id}"), "subscriptionId": id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::ResourceId;
    use serde_json::json;

    fn check(text: &str) -> Result<Value, TemplateError> {
        let parameters = json!({"effect": "Deny", "list": ["a", "b"], "o": {"x": [10, 20]}});
        let target = Target::new(
            ResourceId::parse(
                "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-1",
            )
            .unwrap(),
            json!({"location": "local", "tags": {"env": "prod"}}),
        );
        resolve_text(text, &Scope { parameters: parameters.as_object().unwrap(), target: &target })
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("plain", json!("plain")),
            ("[[not an expression]", json!("[not an expression]")),
            ("[parameters('EFFECT')]", json!("Deny")),
            ("[concat(field('name'), '/', 'MDE''s')]", json!("web-1/MDE's")),
            ("[parameters('o').x[1]]", json!(20)),
            ("[if(equals(field('tags.env'), 'prod'), 1, -2)]", json!(1)),
            ("[contains(parameters('list'), 'b')]", json!(true)),
            ("[resourceGroup().name]", json!("rg")),
            ("[concat(parameters('list'), createArray('c'))]", json!(["a", "b", "c"])),
            ("[subscriptionResourceId('A.B/c', 'd')]", json!("/subscriptions/s/providers/A.B/c/d")),
            ("[last(split(field('id'), '/'))]", json!("web-1")),
        ] {
            assert_eq!(check(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(check("[reference('x')]"), Err(TemplateError::UnknownFunction("reference".to_owned())));
        assert_eq!(check("[parameters('none')]"), Err(TemplateError::UnknownParameter("none".to_owned())));
        assert!(
            matches!(check("[concat('a' 'b')]"), Err(TemplateError::Syntax { at: 11, .. })),
            "{:?}",
            check("[concat('a' 'b')]")
        );
        for bad in [
            "[]",
            "[concat('a']",
            "[concat('a]",
            "[parameters('effect') junk]",
            "[toLower(1)]",
            "[9999999999999999999999]",
            "[é]",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let deep = format!("[{}'x'{}]", "toLower(".repeat(5000), ")".repeat(5000));
        assert!(check(&deep).is_err());
        let deep = format!("[{}'x'{}]", "toLower(".repeat(60), ")".repeat(60));
        assert_eq!(check(&deep), Err(TemplateError::TooDeep));
    }
}
