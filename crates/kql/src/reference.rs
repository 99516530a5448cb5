//! The reference pages, rendered from the declarations. `docs/reference/kql` holds them; a test keeps them in
//! step. Whether an entry runs is not known here: the caller may pass what an engine says.

use crate::analysis::QUERY_BYTES_MAX;
use crate::functions::{self, Declared, Plugin};
use crate::operators::{self, Operator};
use crate::syntax::CODES;

/// What begins the line that says that an entry does not run. Pages without an engine's answer lack it.
pub const STATE_PREFIX: &str = "> Known, but not run";

/// An entry of the reference.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Operator(&'static Operator),
    Statement(&'static Operator),
    Function(&'static Declared),
    Plugin(&'static Plugin),
}

/// A page: its file name and its Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub file: String,
    pub text: String,
}

/// All pages. `runs` says whether the engine runs an entry; without it nothing is said.
pub fn pages(runs: Option<&dyn Fn(Entry) -> bool>) -> Vec<Page> {
    let writer = Writer { runs };
    let mut pages = Vec::new();
    for (family, operators) in operators::FAMILIES {
        let entries: Vec<String> =
            operators.iter().map(|operator| writer.operator(operator, Entry::Operator(operator))).collect();
        pages.push(page(&format!("operators-{family}"), &format!("Operators: {family}"), &entries));
    }
    let statements: Vec<String> = operators::STATEMENTS
        .iter()
        .map(|statement| writer.operator(statement, Entry::Statement(statement)))
        .collect();
    pages.push(page("statements", "Statements", &statements));
    let mut families: Vec<&str> = Vec::new();
    for declared in functions::all() {
        if !families.contains(&declared.family) {
            families.push(declared.family);
        }
    }
    for family in families {
        let of_family = functions::all().filter(|declared| declared.family == family);
        let entries: Vec<String> = of_family.map(|declared| writer.function(declared)).collect();
        let title =
            if family == "aggregate" { "Aggregates".to_owned() } else { format!("Functions: {family}") };
        let file =
            if family == "aggregate" { "aggregates".to_owned() } else { format!("functions-{family}") };
        pages.push(page(&file, &title, &entries));
    }
    let plugins: Vec<String> = functions::PLUGINS.iter().map(|plugin| writer.plugin(plugin)).collect();
    pages.push(page("plugins", "Plugins of `evaluate`", &plugins));
    pages.push(diagnostics());
    pages.insert(0, index(&pages));
    pages
}

fn page(file: &str, title: &str, entries: &[String]) -> Page {
    let text =
        format!("# {title}\n\nGenerated from the declarations in `crates/kql`.\n\n{}", entries.join("\n"));
    Page { file: format!("{file}.md"), text }
}

fn index(pages: &[Page]) -> Page {
    let mut text = String::from("# KQL reference\n\nGenerated from the declarations in `crates/kql`.\n\n");
    for page in pages {
        let title = page.text.lines().next().unwrap_or_default().trim_start_matches("# ");
        text += &format!("- [{title}]({})\n", page.file);
    }
    text += &format!(
        "\nA query is at most {QUERY_BYTES_MAX} bytes long; a longer one is refused with `K0001`. Brackets and \
         operators may be nested 250 levels deep (`K0002`). Chains of `and` and `or`, lists of values and legs \
         of a `union` are limited by the length of the text only.\n"
    );
    Page { file: "README.md".to_owned(), text }
}

fn diagnostics() -> Page {
    let mut text = String::from(
        "# Diagnostics\n\nGenerated from the declarations in `crates/kql`. A code keeps its meaning for good.\n\n\
         | code | meaning | way out |\n| --- | --- | --- |\n",
    );
    for code in CODES {
        text += &format!("| `{}` | {} | {} |\n", code.code, code.meaning, code.way_out);
    }
    Page { file: "diagnostics.md".to_owned(), text }
}

struct Writer<'a> {
    runs: Option<&'a dyn Fn(Entry) -> bool>,
}

impl Writer<'_> {
    fn state(&self, entry: Entry) -> String {
        match self.runs {
            Some(runs) if !runs(entry) => format!("{STATE_PREFIX} by this version.\n\n"),
            _ => String::new(),
        }
    }

    fn operator(&self, operator: &'static Operator, entry: Entry) -> String {
        let mut out =
            format!("## {}\n\n{}\n\n{}", operator.name, sentence(operator.summary), self.state(entry));
        out += &code(operator.syntax.iter().copied());
        out += &aliases(operator.aliases);
        for setting in operator.settings {
            let values: Vec<String> = setting.values.iter().map(|value| format!("`{value}`")).collect();
            let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
            out += &format!("- `{}`{values}: {}\n", setting.name, setting.summary);
        }
        if !operator.settings.is_empty() {
            out.push('\n');
        }
        out + "Example:\n\n" + &example(operator.example)
    }

    fn function(&self, declared: &'static Declared) -> String {
        let function = declared.function;
        let forms = function.signatures.iter().map(|signature| format!("{}{signature}", function.name));
        let mut out = format!(
            "## {}\n\n{}\n\n{}",
            function.name,
            sentence(function.summary),
            self.state(Entry::Function(declared))
        );
        out += &code(forms);
        out += &aliases(function.aliases);
        let nulls = function.nulls.sentence();
        if !nulls.is_empty() {
            out += nulls;
            out += "\n\n";
        }
        out + "Example:\n\n" + &example(function.example)
    }

    fn plugin(&self, plugin: &'static Plugin) -> String {
        format!("## {}\n\n{}\n\n{}", plugin.name, sentence(plugin.summary), self.state(Entry::Plugin(plugin)))
    }
}

/// A summary of the declarations as a sentence.
pub(crate) fn sentence(summary: &str) -> String {
    let mut chars = summary.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn code<T: AsRef<str>>(lines: impl Iterator<Item = T>) -> String {
    let lines: Vec<T> = lines.collect();
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    format!("```kql\n{}\n```\n\n", lines.join("\n"))
}

fn aliases(aliases: &[&str]) -> String {
    if aliases.is_empty() {
        return String::new();
    }
    let names: Vec<String> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
    format!("Also written {}.\n\n", names.join(", "))
}

/// An example as the formatter writes it.
fn example(query: &str) -> String {
    let formatted = crate::format(query).unwrap_or_else(|_| query.to_owned());
    format!("```kql\n{formatted}\n```\n")
}
