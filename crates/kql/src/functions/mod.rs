//! The language's functions and aggregates, declared once: names, signatures, how null behaves, how a
//! result column is named. Binding, completion and the reference pages read these tables; whether this
//! build can *run* a function is the engine's to say.
//!
//! A signature is written as it would be read, and taken apart on first use:
//! `(text: string, start: integer, length?: integer): string`. `name?` may be left out, `name...` may be
//! repeated. The result is a type, or `same` (as the first argument), `second`, `widest` (the widest
//! number), `common` (what all arguments become), `typed` (the `typeof` argument) or `promoted` (as the
//! first argument, `int` becoming `long`).

use std::collections::HashMap;
use std::sync::LazyLock;

use bartizan_schema::KqlType;

mod aggregates;
mod array;
mod bag;
mod binary;
mod conditional;
mod conversion;
mod datetime;
mod geospatial;
mod hash;
mod ip;
mod math;
mod parsing;
mod plugins;
mod row;
mod series;
mod signature;
mod sketch;
mod string;
mod system;

pub use plugins::{PLUGINS, Plugin, PluginParameter};
pub use signature::{ArgumentKind, Parameter, Returns, Signature};

/// How a result column is called when the query does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Column1`, or `print_0`.
    Numbered,
    /// As the first argument: `bin(t, 1h)` is `t`.
    FirstArgument,
    /// As the only argument, when there is just one.
    OnlyArgument,
    /// `strlen(a)` is `strlen_a`.
    Prefix(&'static str),
    /// Always this.
    Fixed(&'static str),
}

/// What a null argument does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// The result is null (an empty string, if it is a string).
    Propagate,
    /// The function looks at null itself and says so in its summary.
    Handled,
    /// Null values are left out, as aggregates do.
    Skipped,
}

impl Nulls {
    /// What it means, for readers; empty where the summary says it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Propagate => "A null argument makes the result null.",
            Self::Handled => "",
            Self::Skipped => "Null values are left out.",
        }
    }
}

/// A scalar function or an aggregate.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name the bound tree uses.
    pub name: &'static str,
    /// Other spellings that mean the same, older ones mostly.
    pub aliases: &'static [&'static str],
    pub signatures: &'static [&'static str],
    pub naming: Naming,
    pub nulls: Nulls,
    pub summary: &'static str,
    /// A query that runs by itself.
    pub example: &'static str,
}

impl Function {
    /// A scalar function: numbered column, null in gives null out.
    const fn new(
        name: &'static str,
        signatures: &'static [&'static str],
        summary: &'static str,
        example: &'static str,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            signatures,
            naming: Naming::Numbered,
            nulls: Nulls::Propagate,
            summary,
            example,
        }
    }

    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn named(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    const fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }
}

/// The families of scalar functions, in the order of the reference.
const FAMILIES: &[(&str, &[Function])] = &[
    ("string", string::FUNCTIONS),
    ("parsing", parsing::FUNCTIONS),
    ("conversion", conversion::FUNCTIONS),
    ("conditional", conditional::FUNCTIONS),
    ("datetime", datetime::FUNCTIONS),
    ("math", math::FUNCTIONS),
    ("binary", binary::FUNCTIONS),
    ("array", array::FUNCTIONS),
    ("bag", bag::FUNCTIONS),
    ("hash", hash::FUNCTIONS),
    ("ip", ip::FUNCTIONS),
    ("row", row::FUNCTIONS),
    ("sketch", sketch::FUNCTIONS),
    ("series", series::FUNCTIONS),
    ("geospatial", geospatial::FUNCTIONS),
    ("system", system::FUNCTIONS),
];

/// A function with its signatures taken apart.
#[derive(Debug)]
pub struct Declared {
    pub family: &'static str,
    pub function: &'static Function,
    pub signatures: Vec<Signature>,
}

struct Index {
    scalars: HashMap<&'static str, &'static Declared>,
    aggregates: HashMap<&'static str, &'static Declared>,
    all: Vec<&'static Declared>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { scalars: HashMap::new(), aggregates: HashMap::new(), all: Vec::new() };
    let aggregates = ("aggregate", aggregates::FUNCTIONS);
    for (family, functions) in FAMILIES.iter().copied().chain([aggregates]) {
        let names = if family == "aggregate" { &mut index.aggregates } else { &mut index.scalars };
        for function in functions {
            let signatures = function.signatures.iter().filter_map(|text| Signature::parse(text)).collect();
            // declarations live as long as the program, like the tables they are made from
            let declared: &'static Declared = Box::leak(Box::new(Declared { family, function, signatures }));
            for name in std::iter::once(&function.name).chain(function.aliases) {
                names.insert(name, declared);
            }
            index.all.push(declared);
        }
    }
    index
});

/// The scalar function called `name` (or by an older spelling).
pub fn lookup(name: &str) -> Option<&'static Declared> {
    INDEX.scalars.get(name).copied()
}

/// The aggregate called `name` (or by an older spelling).
pub fn lookup_aggregate(name: &str) -> Option<&'static Declared> {
    INDEX.aggregates.get(name).copied()
}

/// The plugin of `evaluate` called `name`.
pub fn lookup_plugin(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

/// Whether the function called `name` looks at other rows, so that they need an order.
pub fn is_windowed(name: &str) -> bool {
    row::FUNCTIONS.iter().any(|function| function.name == name)
}

/// Every scalar function and aggregate, in declaration order.
pub fn all() -> impl Iterator<Item = &'static Declared> {
    INDEX.all.iter().copied()
}

/// Names of scalar functions, older spellings included.
pub fn scalar_names() -> impl Iterator<Item = &'static str> {
    INDEX.scalars.keys().copied()
}

/// Names of aggregates, older spellings included.
pub fn aggregate_names() -> impl Iterator<Item = &'static str> {
    INDEX.aggregates.keys().copied()
}

impl Declared {
    /// The first signature that takes this many arguments.
    pub fn signature_for(&self, count: usize) -> Option<&Signature> {
        self.signatures.iter().find(|signature| signature.takes(count))
    }

    /// The result's type for these argument types.
    pub fn result_type(&self, args: &[KqlType]) -> KqlType {
        let exact = |signature: &&Signature| signature.takes(args.len()) && signature.matches(args);
        let fits = |signature: &&Signature| signature.takes(args.len()) && signature.accepts(args);
        let chosen = self
            .signatures
            .iter()
            .find(exact)
            .or_else(|| self.signatures.iter().find(fits))
            .or_else(|| self.signature_for(args.len()));
        chosen.or(self.signatures.first()).map_or(KqlType::Dynamic, |signature| signature.returns.of(args))
    }
}
