//! Query text to syntax tree. Nothing here knows tables, columns, functions or types: a tree says what was
//! written, and the binder decides what it means.

pub mod ast;
pub mod codes;
pub(crate) mod errors;
mod expression;
mod inline;
mod lexer;
mod literal;
mod operators;
mod parser;
mod reserved;
mod source;
mod statements;
pub(crate) mod visit;

pub use codes::{CODES, Code};
pub(crate) use errors::Errors;
pub(crate) use inline::push_json_string;
pub(crate) use literal::written_name;
pub(crate) use parser::{parse, parse_function};
pub use source::{SourceKind, SourceToken, source_tokens};
