//! Completion, hover and colours work on any text at any place.
#![no_main]

use bartizan_kql::{Catalog, FunctionSymbol, TableSymbol, classify, complete, hover};
use libfuzzer_sys::fuzz_target;

struct Nothing;

impl Catalog for Nothing {
    fn table(&self, _: &str) -> Option<TableSymbol> {
        None
    }

    fn function(&self, _: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        vec!["T".to_owned()]
    }
}

fuzz_target!(|input: (u16, &str)| {
    let (offset, text) = (usize::from(input.0), input.1);
    for completion in complete(text, offset, &Nothing) {
        assert!(text.get(completion.span.start..completion.span.end).is_some(), "a completion replaces no text");
    }
    let _hover = hover(text, offset, &Nothing);
    for piece in classify(text, &Nothing) {
        assert!(text.get(piece.span.start..piece.span.end).is_some(), "a colour lies outside the text");
    }
});
