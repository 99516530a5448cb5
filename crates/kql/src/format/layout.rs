//! Where lines break. A line that fits stays whole; otherwise it breaks at the outermost place that helps:
//! `;`, then `|`, then commas, then `and` and `or`, then inside brackets.

use super::pieces::{Comment, Group, Node, Piece};
use super::spacing::Spacing;

/// Columns of a line, the last of which may be overrun by a closing bracket or a comma.
const WIDTH: usize = 100;
const INDENT: usize = 4;

/// Operators whose commas belong to a clause behind a subquery, where one item a line would not help.
const UNLISTED: &[&str] = &["join", "lookup", "where", "filter", "let", "make-graph", "mv-apply"];

/// Lays the pieces out.
pub(super) fn layout(
    pieces: &[Piece<'_>],
    end: &[Comment<'_>],
    spacing: &Spacing,
    nodes: Vec<Node>,
) -> String {
    let mut layout = Layout {
        pieces,
        spacing,
        out: String::new(),
        column: 0,
        line_indent: 0,
        pending: None,
        blank: false,
        statement_start: None,
    };
    layout.statements(&nodes, 0);
    layout.pending = Some(0);
    layout.comments(end);
    layout.out
}

struct Layout<'a> {
    pieces: &'a [Piece<'a>],
    spacing: &'a Spacing,
    out: String,
    column: usize,
    /// Blanks at the start of the current line.
    line_indent: usize,
    /// A line break that is due, with the indent behind it.
    pending: Option<usize>,
    /// The due line break leaves an empty line.
    blank: bool,
    /// The piece that begins a statement, which may keep an empty line before it.
    statement_start: Option<usize>,
}

impl Layout<'_> {
    fn newline(&mut self, indent: usize) {
        self.pending = Some(indent);
    }

    fn write(&mut self, text: &str) {
        if let Some(indent) = self.pending.take() {
            if !self.out.is_empty() {
                self.out.push_str(if self.blank { "\n\n" } else { "\n" });
            }
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.column = indent;
            self.line_indent = indent;
        }
        self.blank = false;
        self.out.push_str(text);
        match text.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn comments(&mut self, comments: &[Comment<'_>]) {
        for comment in comments {
            let indent = self.pending.unwrap_or(self.line_indent + INDENT);
            self.newline(indent);
            self.blank |= comment.blank_before;
            self.write(comment.text);
            self.newline(indent);
        }
    }

    fn token(&mut self, at: usize) {
        let piece = &self.pieces[at];
        self.comments(&piece.leading);
        if self.statement_start == Some(at) {
            self.blank |= piece.blank_before;
        }
        if self.pending.is_none() && self.spacing.blank_before(at) {
            self.write(" ");
        }
        self.write(piece.text);
        if let Some(comment) = piece.trailing {
            self.write(" ");
            self.write(comment);
            self.newline(self.line_indent + INDENT);
        }
    }

    /// Statements, each from a line of its own.
    fn statements(&mut self, nodes: &[Node], indent: usize) {
        let mut rest = nodes;
        while !rest.is_empty() {
            let length = rest.iter().position(|node| self.is_mark(node, ";"));
            let (statement, next) = rest.split_at(length.map_or(rest.len(), |at| at + 1));
            self.newline(indent);
            self.statement_start = statement.first().map(Node::first);
            let (end, body) = match length {
                Some(_) => statement.split_last().map_or((None, statement), |(end, body)| (Some(end), body)),
                None => (None, statement),
            };
            self.pipeline(body, indent);
            if let Some(end) = end {
                self.token(end.first());
            }
            rest = next;
        }
    }

    /// Operators, each from a line of its own.
    fn pipeline(&mut self, nodes: &[Node], indent: usize) {
        let declares = nodes.first().is_some_and(|node| self.is_word(node, "let"));
        let indent_of_pipes = if declares { indent + INDENT } else { indent };
        let next_pipe = |layout: &Self, nodes: &[Node]| {
            nodes.iter().position(|node| layout.is_mark(node, "|")).unwrap_or(nodes.len())
        };
        let (source, mut rest) = nodes.split_at(next_pipe(self, nodes));
        self.segment(source, indent);
        while let Some((pipe, behind)) = rest.split_first() {
            let (segment, next) = behind.split_at(next_pipe(self, behind));
            self.newline(indent_of_pipes);
            self.token(pipe.first());
            self.segment(segment, indent_of_pipes);
            rest = next;
        }
    }

    /// An operator, a source or the value of a statement.
    fn segment(&mut self, nodes: &[Node], indent: usize) {
        if self.fits(nodes) {
            return self.flat(nodes);
        }
        let name = self.operator_name(nodes);
        let counted = matches!(name.as_str(), "summarize" | "make-series");
        let listed = nodes.iter().any(|node| self.is_mark(node, ","));
        if (listed || counted) && !UNLISTED.contains(&name.as_str()) {
            return self.list(nodes, indent, counted);
        }
        self.terms(nodes, indent + INDENT);
    }

    /// `summarize`, `project-away`, … or nothing.
    fn operator_name(&self, nodes: &[Node]) -> String {
        let head = self.name_length(nodes);
        nodes[..head].iter().map(|node| self.pieces[node.first()].text).collect()
    }

    fn name_length(&self, nodes: &[Node]) -> usize {
        let touching = |node: &&Node| matches!(node, Node::Leaf(at) if !self.spacing.blank_before(*at) && !self.is_mark(node, "."));
        nodes.len().min(1) + nodes.iter().skip(1).take_while(touching).count()
    }

    /// The operator's name and its settings.
    fn head_length(&self, nodes: &[Node]) -> usize {
        let mut length = self.name_length(nodes);
        loop {
            let Some([name, next]) = nodes.get(length..length + 2) else { return length };
            let setting = matches!(name, Node::Leaf(_))
                && (self.is_mark(next, "=") || self.is_mark(next, "."))
                && !self.spacing.blank_before(next.first());
            if !setting {
                return length;
            }
            length += 1;
            while nodes.get(length).is_some_and(|node| !self.spacing.blank_before(node.first())) {
                length += 1;
            }
        }
    }

    /// A list behind an operator: one item a line, clauses on lines of their own.
    fn list(&mut self, nodes: &[Node], indent: usize, counted: bool) {
        let head = self.head_length(nodes);
        let inner = indent + INDENT;
        self.flat(&nodes[..head]);
        let mut rest = &nodes[head..];
        let clause =
            rest.iter().position(|node| counted && (self.is_word(node, "on") || self.is_word(node, "by")));
        let (items, clauses) = rest.split_at(clause.unwrap_or(rest.len()));
        self.items(items, inner);
        rest = clauses;
        while !rest.is_empty() {
            let next = rest.iter().skip(1).position(|node| self.is_word(node, "by"));
            let (clause, behind) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
            self.newline(inner);
            if self.fits_after_break(clause, inner) {
                self.flat(clause);
            } else {
                self.token(clause[0].first());
                self.items(&clause[1..], inner + INDENT);
            }
            rest = behind;
        }
    }

    /// Items between commas, one a line.
    fn items(&mut self, nodes: &[Node], indent: usize) {
        let mut rest = nodes;
        while !rest.is_empty() {
            let length = rest.iter().position(|node| self.is_mark(node, ",")).map_or(rest.len(), |at| at + 1);
            let (item, next) = rest.split_at(length);
            self.newline(indent);
            self.item(item, indent);
            rest = next;
        }
    }

    fn item(&mut self, nodes: &[Node], indent: usize) {
        if self.fits_after_break(nodes, indent) {
            self.flat(nodes)
        } else {
            self.terms(nodes, indent + INDENT)
        }
    }

    /// An expression that does not fit: broken before `and` and `or`, or else inside its brackets.
    fn terms(&mut self, nodes: &[Node], indent: usize) {
        for node in nodes {
            if self.is_word(node, "and") || self.is_word(node, "or") {
                self.newline(indent);
            }
            match node {
                Node::Leaf(at) => self.token(*at),
                Node::Group(group) => self.group(group),
            }
        }
    }

    fn group(&mut self, group: &Group) {
        let blank = usize::from(self.spacing.blank_before(group.open));
        if self.flat_group(group).is_some_and(|width| self.room() >= width + blank) {
            self.token(group.open);
            self.flat(&group.children);
            return self.token(group.close);
        }
        self.token(group.open);
        let outer = self.line_indent;
        let inner = outer + INDENT;
        let children = &group.children;
        if children.iter().any(|node| self.is_mark(node, ";") || self.is_mark(node, "|")) {
            self.statements(children, inner);
        } else if let Some(columns) = children.first().and_then(|node| self.spacing.rows.get(&node.first())) {
            self.rows(children, inner, *columns);
        } else if self.plain_values(children) {
            self.fill(children, inner);
        } else {
            self.items(children, inner);
        }
        // comments before the bracket belong inside
        self.newline(inner);
        self.comments(&self.pieces[group.close].leading);
        self.newline(outer);
        self.close(group.close);
    }

    /// The token without its leading comments, which are written already.
    fn close(&mut self, at: usize) {
        let piece = &self.pieces[at];
        self.write(piece.text);
        if let Some(comment) = piece.trailing {
            self.write(" ");
            self.write(comment);
            self.newline(self.line_indent + INDENT);
        }
    }

    /// Whether there are only single tokens between the commas, each perhaps with a sign.
    fn plain_values(&self, nodes: &[Node]) -> bool {
        let mut tokens = 0;
        nodes.iter().all(|node| {
            tokens = if self.is_mark(node, ",") { 0 } else { tokens + usize::from(!self.is_mark(node, "-")) };
            matches!(node, Node::Leaf(_)) && tokens < 2
        })
    }

    /// Plain values, as many on a line as fit.
    fn fill(&mut self, nodes: &[Node], indent: usize) {
        let mut rest = nodes;
        self.newline(indent);
        while !rest.is_empty() {
            let length = rest.iter().position(|node| self.is_mark(node, ",")).map_or(rest.len(), |at| at + 1);
            let (item, next) = rest.split_at(length);
            // a comment has broken the line already, with an indent of its own
            if self.pending.is_some() || !self.fits(item) {
                self.newline(indent);
            }
            self.flat(item);
            rest = next;
        }
    }

    /// Values of a `datatable`, a row a line.
    fn rows(&mut self, nodes: &[Node], indent: usize, columns: usize) {
        let mut rest = nodes;
        while !rest.is_empty() {
            let commas = rest.iter().enumerate().filter(|(_, node)| self.is_mark(node, ","));
            let length = commas.map(|(at, _)| at + 1).nth(columns - 1).unwrap_or(rest.len());
            let (row, next) = rest.split_at(length);
            self.newline(indent);
            self.item(row, indent);
            rest = next;
        }
    }

    /// Everything on the current line. Comments still break it.
    fn flat(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Leaf(at) => self.token(*at),
                Node::Group(group) => {
                    self.token(group.open);
                    self.flat(&group.children);
                    self.token(group.close);
                }
            }
        }
    }

    fn room(&self) -> usize {
        WIDTH.saturating_sub(self.pending.unwrap_or(self.column))
    }

    fn fits(&self, nodes: &[Node]) -> bool {
        self.flat_width(nodes, true).is_some_and(|width| width <= self.room())
    }

    /// Whether the nodes fit on a line that begins with this indent.
    fn fits_after_break(&self, nodes: &[Node], indent: usize) -> bool {
        self.flat_width(nodes, true).is_some_and(|width| width + indent <= WIDTH)
    }

    /// Columns the nodes take on one line; `None` when they hold what needs several. At the `edges`, a comment
    /// before the first and behind the last piece does not count: a line break stands there anyway.
    fn flat_width(&self, nodes: &[Node], edges: bool) -> Option<usize> {
        let mut width = 0;
        for (number, node) in nodes.iter().enumerate() {
            let (first, last) = (&self.pieces[node.first()], &self.pieces[node.last()]);
            let (at_start, at_end) = (edges && number == 0, edges && number + 1 == nodes.len());
            let commented_before = !at_start && !first.leading.is_empty();
            let commented_behind = !at_end && last.trailing.is_some();
            if commented_before || commented_behind {
                return None;
            }
            width += usize::from(self.spacing.blank_before(node.first()));
            width += match node {
                Node::Leaf(at) => self.width_of(*at)?,
                Node::Group(group) => self.flat_group(group)?,
            };
            // no need to measure what is far too wide
            if width > 2 * WIDTH {
                return None;
            }
        }
        Some(width)
    }

    /// Columns a group takes on one line, if it may stand on one: no statements, at most one operator.
    fn flat_group(&self, group: &Group) -> Option<usize> {
        let marks = |mark: &str| group.children.iter().filter(|node| self.is_mark(node, mark)).count();
        let (open, close) = (&self.pieces[group.open], &self.pieces[group.close]);
        let inner = self.flat_width(&group.children, false)?;
        let braces = open.text == "{" && marks("|") > 0;
        if open.trailing.is_some() || !close.leading.is_empty() || marks("|") > 1 || marks(";") > 0 || braces
        {
            return None;
        }
        Some(inner + 2 + usize::from(self.spacing.blank_before(group.close)))
    }

    fn width_of(&self, at: usize) -> Option<usize> {
        let text = self.pieces[at].text;
        (!text.contains('\n')).then(|| text.chars().count())
    }

    fn is_mark(&self, node: &Node, mark: &str) -> bool {
        matches!(node, Node::Leaf(at) if self.pieces[*at].is_mark(mark))
    }

    fn is_word(&self, node: &Node, word: &str) -> bool {
        matches!(node, Node::Leaf(at) if self.pieces[*at].is_word(word))
    }
}
