//! The parser reads any text, and every finding points into it.
#![no_main]

use bartizan_kql::analysis::syntax_diagnostics;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for finding in syntax_diagnostics(text) {
        assert_ne!(finding.code, "K0004", "the parser panicked");
        assert!(text.get(finding.span.start..finding.span.end).is_some(), "a finding points outside the text");
    }
});
