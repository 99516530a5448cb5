//! `parse_xml`: elements as bags, attributes as `@name`, text beside them as `#text`, repeated elements as
//! arrays. What is not well-formed gives null; document types and namespaces are not interpreted.

use serde_json::{Map, Value as Tree};

use super::super::convert::text;
use super::super::dynamic::from_tree;
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] =
    &[strict("parse_xml", |args, _| match document(&text(args[0].clone())) {
        Some(tree) => from_tree(&tree),
        None => Value::Null,
    })];

/// Elements inside each other; real documents have a handful, hostile ones thousands.
const DEPTH_MAX: usize = 128;

struct Reader<'a> {
    rest: &'a str,
}

fn document(text: &str) -> Option<Tree> {
    let mut reader = Reader { rest: text.trim() };
    reader.skip_prolog()?;
    let (name, tree) = reader.element(0)?;
    reader.skip_prolog()?;
    reader.rest.is_empty().then(|| Tree::Object(std::iter::once((name, tree)).collect()))
}

impl<'a> Reader<'a> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Everything up to `end`, which is passed over too.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (found, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(found)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Declarations, processing instructions and comments around the root.
    fn skip_prolog(&mut self) -> Option<()> {
        loop {
            self.skip_space();
            if self.take("<?") {
                self.until("?>")?;
            } else if self.take("<!--") {
                self.until("-->")?;
            } else if self.take("<!DOCTYPE") {
                self.until(">")?;
            } else {
                return Some(());
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        let stop = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<');
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn element(&mut self, depth: usize) -> Option<(String, Tree)> {
        if depth > DEPTH_MAX || !self.take("<") {
            return None;
        }
        let name = self.name()?;
        let mut bag = Map::new();
        loop {
            self.skip_space();
            if self.take("/>") {
                return Some((name, close(bag, String::new())));
            }
            if self.take(">") {
                break;
            }
            let key = self.name()?;
            self.skip_space();
            if !self.take("=") {
                return None;
            }
            self.skip_space();
            let quote = if self.take("\"") {
                "\""
            } else if self.take("'") {
                "'"
            } else {
                return None;
            };
            let value = decode(self.until(quote)?);
            bag.insert(format!("@{key}"), Tree::from(value));
        }
        let mut content = String::new();
        loop {
            if self.take("</") {
                let closing = self.name()?;
                self.skip_space();
                return (self.take(">") && closing == name).then(|| (name, close(bag, content)));
            }
            if self.take("<!--") {
                self.until("-->")?;
            } else if self.take("<![CDATA[") {
                content.push_str(self.until("]]>")?);
            } else if self.take("<?") {
                self.until("?>")?;
            } else if self.rest.starts_with('<') {
                let (child, tree) = self.element(depth + 1)?;
                add(&mut bag, child, tree);
            } else {
                let end = self.rest.find('<')?;
                content.push_str(&decode(&self.rest[..end]));
                self.rest = &self.rest[end..];
            }
        }
    }
}

/// The second element of a name makes an array of both.
fn add(bag: &mut Map<String, Tree>, name: String, tree: Tree) {
    match bag.get_mut(&name) {
        Some(Tree::Array(all)) => all.push(tree),
        Some(first) => *first = Tree::Array(vec![first.take(), tree]),
        None => {
            bag.insert(name, tree);
        }
    }
}

fn close(mut bag: Map<String, Tree>, content: String) -> Tree {
    let content = content.trim();
    if bag.is_empty() {
        return if content.is_empty() { Tree::Null } else { Tree::from(content) };
    }
    if !content.is_empty() {
        bag.insert("#text".to_owned(), Tree::from(content));
    }
    Tree::Object(bag)
}

/// The five named entities and character references.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((entity, next)) = after.split_once(';') else {
            out.push('&');
            rest = after;
            continue;
        };
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let decoded = match entity {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match entity.strip_prefix('#') {
                Some(hex) if hex.starts_with(['x', 'X']) => number(&hex[1..], 16),
                Some(digits) => number(digits, 10),
                None => None,
            },
        };
        match decoded {
            Some(c) => out.push(c),
            None => {
                out.push('&');
                out.push_str(entity);
                out.push(';');
            }
        }
        rest = next;
    }
    out.push_str(rest);
    out
}
