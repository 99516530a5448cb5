//! Completion, hover and colours, on whole and on broken text. The cursor is written `‸`.

use std::fmt::Write as _;
use std::path::Path;

use bartizan_kql::{Catalog, call_help, classify, complete, hover};

use crate::golden::catalog;
use crate::hostile::mutations;

/// Completions shown of each place.
const SHOWN: usize = 9;

fn completions(text: &str, catalog: &dyn Catalog) -> String {
    let offset = text.find('‸').unwrap();
    let text = text.replace('‸', "");
    let found = complete(&text, offset, catalog);
    let mut out = String::new();
    for completion in found.iter().take(SHOWN) {
        let replaced = &text[completion.span.start..completion.span.end];
        let detail: String = completion.detail.chars().take(60).collect();
        let detail = if detail.is_empty() { detail } else { format!(" — {detail}") };
        writeln!(
            out,
            "{:?} {} [{replaced}>{}]{detail}",
            completion.kind, completion.label, completion.insert
        )
        .unwrap();
    }
    if found.len() > SHOWN {
        writeln!(out, "… {} more", found.len() - SHOWN).unwrap();
    }
    out
}

#[test]
fn completions_are_as_expected() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/completion.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let catalog = catalog();
    let mut actual = String::new();
    for case in text.split("====\n").filter(|case| !case.trim().is_empty()) {
        let query = case.split("\n----\n").next().unwrap().trim_end();
        write!(actual, "{query}\n----\n{}====\n", completions(query, &catalog)).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    } else {
        assert_eq!(text, actual, "run with UPDATE_GOLDEN=1 and read the difference");
    }
}

#[test]
fn hover_tells_what_a_name_is() {
    let shown = |text: &str| {
        let offset = text.find('‸').unwrap();
        hover(&text.replace('‸', ""), offset, &catalog()).map(|hover| hover.text).unwrap_or_default()
    };
    assert!(shown("Logons | whe‸re Bytes > 1").contains("T | where Predicate"));
    assert!(shown("Logons | project-aw‸ay Bytes").contains("project-away NameOrPattern"));
    assert_eq!(shown("Logons | where By‸tes > 1"), "```kql\nBytes: long\n```\nColumn.");
    assert_eq!(shown("Logons | extend n = strlen(Account) | where ‸n > 1"), "```kql\nn: long\n```\nColumn.");
    assert!(shown("Logons | where str‸len(Account) > 1").contains("strlen("));
    assert!(shown("Logons | summarize dc‸ount(Account)").contains("dcount("));
    assert!(shown("Logons | evaluate na‸rrow()").contains("evaluate narrow"));
    assert!(
        shown("Log‸ons | take 1").starts_with("```kql\nLogons (TimeGenerated: datetime, Account: string")
    );
    assert_eq!(shown("let lim‸it = 5; print limit"), "");
    assert_eq!(shown("let limit = 5; print l‸imit"), "```kql\nlimit: long\n```\nValue.");
    assert!(shown("l‸et limit = 5; print limit").contains("let Name = Expression;"));
    assert!(shown("Logons | where Bytes > | summarize co‸unt( by").contains("count("));
    assert_eq!(shown("Logons | where Account == 'by‸tes'"), "");
}

#[test]
fn hover_says_what_null_does_and_shows_an_example() {
    let shown = |text: &str| {
        let offset = text.find('‸').unwrap();
        hover(&text.replace('‸', ""), offset, &catalog()).map(|hover| hover.text).unwrap_or_default()
    };
    let text = shown("print to‸upper('a')");
    assert!(
        text.contains("A null argument makes the result null.") && text.contains("```kql\nprint"),
        "{text}"
    );
    assert!(shown("Logons | summarize su‸m(Bytes)").contains("Null values are left out."));
    assert!(shown("Logons | ta‸ke 1").contains("| take"), "an operator shows an example too");
    assert!(shown("Logons | evaluate py‸thon()").contains("Not run here: it runs code"));
}

#[test]
fn the_call_around_the_cursor_is_explained() {
    let shown = |text: &str| {
        let offset = text.find('‸').unwrap();
        let Some(help) = call_help(&text.replace('‸', ""), offset, &catalog()) else {
            return String::new();
        };
        let form = &help.forms[help.form];
        let parameter = form.parameters.get(help.parameter).map(|span| &form.label[span.start..span.end]);
        format!("{} -> {}", form.label.split('(').next().unwrap(), parameter.unwrap_or("-"))
    };
    assert_eq!(shown("print substring(‸"), "substring -> string: any");
    assert_eq!(shown("print substring('a, b', ‸)"), "substring -> start: integer");
    assert_eq!(shown("print substring(strcat('a', ‸"), "strcat -> arg...: any");
    assert_eq!(shown("print substring((1, 2), 1,‸"), "substring -> length?: integer");
    assert_eq!(shown("print substring('a',‸ 'b')"), "substring -> start: integer");
    // the two that repeat take turns
    assert_eq!(shown("print case(a, 1, b, ‸"), "case -> then...: any");
    assert_eq!(shown("Logons | where Bytes in (1, ‸"), "");
    assert_eq!(shown("Logons | where strlen('(‸') > 1"), "");
    assert_eq!(shown("Logons | join (Hosts | where ‸"), "");
    assert_eq!(shown("Logons | extend a = strlen(Account) ‸"), "");
    assert_eq!(shown("Logons | evaluate bag_unpack(Extra, ‸"), "bag_unpack -> OutputColumnPrefix?: string");
    assert_eq!(
        shown("let f = (x: long, T: (a: long, b: string)) { T }; f(1, ‸"),
        "f -> T: (a: long, b: string)"
    );
    assert_eq!(shown("let f = (1 + 2); print f(‸"), "");
    assert_eq!(shown("nothing_known(‸"), "");
    let many = call_help("print strlen('a', 'b', ", 23, &catalog()).unwrap();
    assert_eq!(many.forms[0].parameters.get(many.parameter), None, "too many arguments mark no parameter");
}

#[test]
fn every_piece_has_its_colour() {
    let text = "let n = 5; // note\nLogons | where Bytes > n and Account has 'x' | summarize type=count() by bin(TimeGenerated, 1h)\n| project-away type | join kind=inner (Hosts) on Computer | evaluate narrow() | extend v = todynamic(Value).a";
    let shown: Vec<String> = classify(text, &catalog())
        .iter()
        .filter(|piece| format!("{:?}", piece.kind) != "Mark")
        .map(|piece| format!("{}:{:?}", &text[piece.span.start..piece.span.end], piece.kind))
        .collect();
    let expected = "let:Keyword n:Variable 5:Literal // note:Comment Logons:Table where:Operator Bytes:Column n:Variable \
        and:Keyword Account:Column has:Keyword 'x':String summarize:Operator type:Column count:Aggregate by:Keyword \
        bin:Function TimeGenerated:Column 1h:Literal project:Operator -:Operator away:Operator type:Column \
        join:Operator kind:Setting inner:Column Hosts:Table on:Keyword Computer:Column evaluate:Operator \
        narrow:Plugin extend:Operator v:Column todynamic:Function Value:Column a:Column";
    assert_eq!(shown.join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
}

#[test]
fn broken_text_is_no_trouble() {
    let catalog = catalog();
    for (round, text) in mutations(400).enumerate() {
        let offset = (round * 7) % (text.len() + 2);
        for completion in complete(&text, offset, &catalog) {
            assert!(
                completion.span.end <= text.len() && text.is_char_boundary(completion.span.start),
                "{text:?}"
            );
        }
        drop(hover(&text, offset, &catalog));
        if let Some(help) = call_help(&text, offset, &catalog) {
            let form = &help.forms[help.form];
            assert!(
                form.parameters.iter().all(|span| form.label.get(span.start..span.end).is_some()),
                "{text:?}"
            );
        }
        let mut at = 0;
        for piece in classify(&text, &catalog) {
            assert!(piece.span.start >= at && piece.span.end <= text.len(), "{text:?}");
            at = piece.span.end;
        }
    }
}
