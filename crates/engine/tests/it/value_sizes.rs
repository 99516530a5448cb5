//! Values that grow: every function that could make one without end is stopped at the largest value there is.

use bartizan_engine::QueryError;

use crate::support::Fixture;

#[tokio::test]
async fn values_have_a_largest_size() {
    let fixture = Fixture::new(Vec::new()).await;
    let doubled = |each: &str, times: usize| {
        format!("{} | project n = strlen(tostring(s))", format!("| extend {each} ").repeat(times))
    };
    let cases = [
        ("strcat", format!("print s = 'abcd' {}", doubled("s = strcat(s, s)", 30))),
        ("strcat_delim", format!("print s = 'abcd' {}", doubled("s = strcat_delim(s, s, s)", 30))),
        ("strrep", "print s = strrep(strrep(strrep('abcd', 1024), 1024), 1024)".to_owned()),
        (
            "replace_string",
            "print s = replace_string(replace_string(strrep('a', 1024), 'a', strrep('a', 1024)), 'a', strrep('a', 1024))"
                .to_owned(),
        ),
        (
            "replace_regex",
            "print s = replace_regex(replace_regex(strrep('a', 1024), 'a', strrep('a', 1024)), 'a', strrep('a', 1024))"
                .to_owned(),
        ),
        ("repeat", "print s = repeat(strrep('a', 1024), 1000000)".to_owned()),
        ("pack_array", format!("print s = dynamic([1, 2]) {}", doubled("s = pack_array(s, s)", 30))),
    ];
    for (function, text) in cases {
        match fixture.query(&text).await {
            Err(QueryError::TooLarge { what }) => {
                assert!(what.contains(&format!("`{function}`")) && what.contains("33554432 bytes"), "{what}");
            }
            other => panic!("{function}: {:?}", other.map(|output| output.stats)),
        }
    }
}

#[tokio::test]
async fn the_values_of_a_batch_have_a_largest_size() {
    let fixture = Fixture::new(Vec::new()).await;
    let text = "range x from 1 to 8000 step 1 | extend s = strrep(strcat(x, 'abcdefgh'), 1024) | extend s = strrep(s, 8) \
                | where strlen(s) == 0";
    match fixture.query(text).await {
        Err(QueryError::TooLarge { what }) => assert!(what.contains("268435456 bytes"), "{what}"),
        other => panic!("{:?}", other.map(|output| output.stats)),
    }
}
