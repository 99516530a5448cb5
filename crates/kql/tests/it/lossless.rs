//! The token stream holds every byte of the text, whatever the text is.

use bartizan_kql::syntax::source_tokens;

use crate::hostile::mutations;

fn check(text: &str) {
    let mut at = 0;
    for token in source_tokens(text) {
        assert_eq!(token.span.start, at, "{text:?}");
        assert!(token.span.end > at, "{text:?}");
        at = token.span.end;
    }
    assert_eq!(at, text.len(), "{text:?}");
}

#[test]
fn tokens_put_together_are_the_text() {
    for text in [
        "",
        " ",
        "\u{feff}T // x\r\n| take 1",
        "^^ // ^",
        "é'é",
        "'\\",
        "a\\\\b",
        "```x",
        "h@'",
        "datetime(",
        "\u{2028}",
    ] {
        check(text);
    }
    for text in mutations(4000) {
        check(&text);
    }
}

#[test]
fn odd_text_takes_linear_time() {
    let start = std::time::Instant::now();
    for odd in ["^ ", "// \n", "^//\n", "datetime(", "'\n", "\\", "-", "1..", "h'"] {
        check(&odd.repeat(2_000_000 / odd.len()));
    }
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
