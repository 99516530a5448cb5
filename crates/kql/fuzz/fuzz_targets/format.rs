//! Formatting twice is formatting once, and what is formatted has no syntax errors.
#![no_main]

use bartizan_kql::format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match format(text) {
        Ok(formatted) => assert_eq!(format(&formatted).as_ref(), Ok(&formatted)),
        Err(findings) => assert!(findings.iter().all(|finding| finding.code != "K0004"), "{findings:?}"),
    }
});
