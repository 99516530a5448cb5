//! Reading answers in XML, by local names: the sources' namespaces change with their versions.

use roxmltree::{Document, Node, ParsingOptions};

/// Elements, attributes and texts of one answer: a page of 1,000 machines has some 200,000.
const NODES_MAX: u32 = 4_000_000;

/// Parses an answer. Document types, and with them entities that grow, are refused by the parser.
///
/// # Errors
/// When the text is not XML, with the reason.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| error.to_string())
}

/// The first child of this name.
pub(crate) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    children(node, name).next()
}

/// All children of this name.
pub(crate) fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The first element of this name anywhere below.
pub(crate) fn below<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.descendants().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The text at a path of child names; empty when there is none.
pub(crate) fn text<'a>(node: Node<'a, '_>, path: &[&str]) -> &'a str {
    let mut at = node;
    for name in path {
        match child(at, name) {
            Some(child) => at = child,
            None => return "",
        }
    }
    at.text().unwrap_or_default().trim()
}

/// `text` with the five characters escaped that XML gives a meaning.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_that_grow_are_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>"#;
        assert!(parse(bomb).is_err());
    }

    #[test]
    fn paths_and_escapes() {
        let xml = format!("<a xmlns='urn:x'><b><c> {} </c></b></a>", escape("<&\"'>"));
        let document = parse(&xml).unwrap();
        let root = document.root_element();
        assert_eq!(text(root, &["b", "c"]), "<&\"'>");
        assert_eq!(text(root, &["b", "d"]), "");
        assert!(below(root, "c").is_some());
    }
}
