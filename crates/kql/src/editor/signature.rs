//! The forms of the call that the cursor stands in, and the argument that is being typed. Read from the
//! tokens, because a call that is being typed has no end yet.

use crate::analysis::QUERY_BYTES_MAX;
use crate::catalog::Catalog;
use crate::functions::{self, Declared, Plugin};
use crate::span::Span;
use crate::syntax::{SourceKind, SourceToken, source_tokens};

use super::{at_character, sentence};

/// One way to write a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallForm {
    /// `strlen(string: any): long`.
    pub label: String,
    /// The places of the parameters in the label.
    pub parameters: Vec<Span>,
}

/// What is known of the call around the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHelp {
    /// At least one.
    pub forms: Vec<CallForm>,
    /// The form that takes as many arguments as there are.
    pub form: usize,
    /// The parameter of that form that the cursor's argument is for; past the last one when there are too
    /// many arguments.
    pub parameter: usize,
    pub documentation: String,
}

/// The call whose parentheses `offset` (in bytes) stands in: of a function, an aggregate, a plugin, a function
/// saved in the catalog or one that the query declares.
pub fn call_help(text: &str, offset: usize, catalog: &dyn Catalog) -> Option<CallHelp> {
    if text.len() > QUERY_BYTES_MAX {
        return None;
    }
    let offset = at_character(text, offset);
    let all = source_tokens(text);
    if all.iter().any(|token| in_text(token, offset)) {
        return None;
    }
    let wanted = |token: &SourceToken| !matches!(token.kind, SourceKind::Space | SourceKind::Comment);
    let tokens: Vec<SourceToken> =
        all.into_iter().filter(|token| token.span.end <= offset && wanted(token)).collect();
    let of = |token: &SourceToken| &text[token.span.start..token.span.end];
    let (mut closed, mut arguments) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate().rev().filter(|(_, token)| token.kind == SourceKind::Mark) {
        match of(token) {
            ")" | "]" | "}" => closed += 1,
            "(" | "[" | "{" if closed > 0 => closed -= 1,
            "," if closed == 0 => arguments += 1,
            // a subquery or a statement of its own: what is around it is another matter
            "|" | ";" | "{" if closed == 0 => return None,
            "(" => {
                let name = at.checked_sub(1).map(|before| &tokens[before]);
                let name = name.filter(|name| name.kind == SourceKind::Word);
                let before = at.checked_sub(2).map(|before| of(&tokens[before]));
                if let Some(help) = name.and_then(|name| help(text, of(name), before, arguments, catalog)) {
                    return Some(help);
                }
                // brackets around a value, or a list: an argument of the call around it
                arguments = 0;
            }
            "[" => arguments = 0,
            _ => {}
        }
    }
    None
}

/// Inside a string or a comment, where commas and brackets are text.
fn in_text(token: &SourceToken, offset: usize) -> bool {
    let inside = token.span.start < offset && offset < token.span.end;
    let at_end = token.span.start < offset && offset == token.span.end;
    match token.kind {
        SourceKind::String => inside,
        SourceKind::Comment => inside || at_end,
        _ => false,
    }
}

fn help(
    text: &str,
    name: &str,
    before: Option<&str>,
    arguments: usize,
    catalog: &dyn Catalog,
) -> Option<CallHelp> {
    if let Some(plugin) = functions::lookup_plugin(name).filter(|_| before == Some("evaluate")) {
        return Some(of_plugin(plugin, arguments));
    }
    if let Some(declared) = functions::lookup(name).or_else(|| functions::lookup_aggregate(name)) {
        return Some(of_function(declared, arguments));
    }
    let (parameters, documentation) = match catalog.function(name) {
        Some(saved) => (saved.parameters, "Function saved in this workspace."),
        None => (declared_here(text, name)?, "Function of this query."),
    };
    let label = format!("{name}{parameters}");
    let parameters = parameter_places(&label, name.len());
    let parameter = arguments;
    let form = CallForm { label, parameters };
    Some(CallHelp { forms: vec![form], form: 0, parameter, documentation: documentation.to_owned() })
}

fn of_function(declared: &Declared, arguments: usize) -> CallHelp {
    let function = declared.function;
    let form = declared.signatures.iter().position(|signature| {
        arguments < signature.parameters.len() || signature.parameters.iter().any(|p| p.repeated)
    });
    let form = form.unwrap_or(0);
    let repeated: Vec<bool> = declared
        .signatures
        .get(form)
        .map(|signature| signature.parameters.iter().map(|parameter| parameter.repeated).collect())
        .unwrap_or_default();
    let forms = function.signatures.iter().map(|signature| {
        let label = format!("{}{signature}", function.name);
        CallForm { parameters: parameter_places(&label, function.name.len()), label }
    });
    let nulls = function.nulls.sentence();
    let documentation = format!("{} {nulls}", sentence(function.summary)).trim_end().to_owned();
    CallHelp { forms: forms.collect(), form, parameter: parameter_at(&repeated, arguments), documentation }
}

fn of_plugin(plugin: &Plugin, arguments: usize) -> CallHelp {
    let repeated: Vec<bool> = plugin.parameters().map(|parameter| parameter.repeated).collect();
    let label = format!("{}{}", plugin.name, plugin.signature);
    let form = CallForm { parameters: parameter_places(&label, plugin.name.len()), label };
    let documentation = match plugin.refused {
        Some(why) => format!("{} Not run here: {why}.", sentence(plugin.summary)),
        None => sentence(plugin.summary),
    };
    CallHelp { forms: vec![form], form: 0, parameter: parameter_at(&repeated, arguments), documentation }
}

/// The parameter that an argument is for: those that repeat take turns, as in `case(condition…, then…, else)`.
fn parameter_at(repeated: &[bool], argument: usize) -> usize {
    let Some(first) = repeated.iter().position(|repeated| *repeated) else { return argument };
    let turn = repeated.iter().filter(|repeated| **repeated).count();
    if argument < first { argument } else { first + (argument - first) % turn }
}

/// Where the parameters stand in a label: between the parentheses, split at the commas that are not inside
/// others.
fn parameter_places(label: &str, name_end: usize) -> Vec<Span> {
    let mut places = Vec::new();
    let (mut depth, mut start) = (0_usize, name_end + 1);
    for (at, mark) in label.bytes().enumerate().skip(name_end) {
        match mark {
            b'(' => depth += 1,
            b')' | b',' if depth == 1 => {
                let part = &label[start..at];
                let trimmed = part.trim_start();
                if !trimmed.is_empty() {
                    places.push(Span::new(at - trimmed.len(), at));
                }
                start = at + 1;
                if mark == b')' {
                    break;
                }
            }
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    places
}

/// The parameters, with parentheses, of a function that the query declares: `let name = (x: long) { … }`.
fn declared_here(text: &str, name: &str) -> Option<String> {
    let tokens: Vec<SourceToken> = source_tokens(text)
        .into_iter()
        .filter(|token| !matches!(token.kind, SourceKind::Space | SourceKind::Comment))
        .collect();
    let of = |token: &SourceToken| &text[token.span.start..token.span.end];
    let declaration = |four: &[SourceToken]| {
        of(&four[0]) == "let" && of(&four[1]) == name && of(&four[2]) == "=" && of(&four[3]) == "("
    };
    let at = tokens.windows(4).position(declaration)? + 3;
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match of(token) {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            // `let x = (1 + 2);` is no function
            let body = tokens.get(index + 1).is_some_and(|next| of(next) == "{");
            return body.then(|| text[tokens[at].span.start..token.span.end].to_owned());
        }
    }
    None
}
