//! The token stream holds every byte of any text.
#![no_main]

use bartizan_kql::syntax::source_tokens;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut at = 0;
    for token in source_tokens(text) {
        assert!(token.span.start == at && token.span.end > at, "tokens leave a gap");
        at = token.span.end;
    }
    assert_eq!(at, text.len(), "tokens end before the text");
});
