//! What an editor shows: completion, hover, the forms of a call, and colours. All of it works on broken text, since text is broken
//! while it is typed.

mod classify;
mod complete;
mod hover;
mod place;
mod signature;

pub use classify::{Classified, ClassifiedKind, classify};
pub use complete::{Completion, CompletionKind, complete};
pub use hover::{Hover, hover};
pub use signature::{CallForm, CallHelp, call_help};

use crate::bind::probe::{self, Probe};
use crate::catalog::Catalog;
use crate::reference::sentence;
use crate::syntax::{self, Errors};

/// Parses the text and binds it for what it shows at `offset`.
fn probe_at(text: &str, offset: usize, catalog: &dyn Catalog) -> Probe {
    let script = syntax::parse(text, &mut Errors::default());
    probe::probe(&script, catalog, offset)
}

/// `offset` moved back to the start of a character.
fn at_character(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
