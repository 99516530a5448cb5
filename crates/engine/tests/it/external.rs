//! `externaldata` from allowed places: a local folder, and a server that is not there.

use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use bartizan_engine::{EngineOptions, ExternalData, Fetch, QueryError};
use serde_json::json;

use crate::support::Fixture;

#[derive(Debug)]
struct Canned;

#[async_trait]
impl Fetch for Canned {
    async fn fetch(&self, uri: &str, _bytes_max: u64) -> Result<Vec<u8>, String> {
        match uri {
            "https://lists.example.org/ips.csv.gz" => {
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packed.write_all(b"ip,score\n10.0.0.1,5\n10.0.0.2,\n").map_err(|error| error.to_string())?;
                packed.finish().map_err(|error| error.to_string())
            }
            "https://lists.example.org/zeros.gz" => {
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packed.write_all(&vec![b'0'; 2 << 20]).map_err(|error| error.to_string())?;
                packed.finish().map_err(|error| error.to_string())
            }
            _ => Err("404 Not Found".to_owned()),
        }
    }
}

async fn fixture(folder: &std::path::Path) -> Fixture {
    let external = ExternalData {
        allowed: vec![format!("file://{}/", folder.display()), "https://lists.example.org/".to_owned()],
        bytes_max: 1 << 20,
        fetch: Some(Arc::new(Canned)),
        ..ExternalData::default()
    };
    let options =
        EngineOptions { threads: 2, external: Some(Arc::new(external)), ..EngineOptions::default() };
    Fixture::with_options(Vec::new(), options).await
}

#[tokio::test]
async fn allowed_files_are_read_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("a.csv", "name,n\n\"Lovelace, Ada\",1\nbert,2\n");
    write("a.psv", "x|3\n");
    write("a.json", "{\"name\": \"j\", \"n\": 4, \"d\": {\"k\": [1]}}\n\n{\"n\": \"5\"}\n");
    write("m.json", "[{\"name\": \"m\", \"n\": 6}]");
    write("a.txt", "one line\n\nanother");
    let fixture = fixture(dir.path()).await;
    let place = |name: &str| format!("file://{}/{name}", dir.path().display());
    for (query, expected) in [
        (
            format!(
                "externaldata(name: string, n: long)['{}'] with (format='csv', ignoreFirstRecord=true)",
                place("a.csv")
            ),
            json!([["Lovelace, Ada", 1], ["bert", 2]]),
        ),
        (format!("externaldata(name: string, n: long)['{}']", place("a.psv")), json!([["x", 3]])),
        (
            format!(
                "let folder = '{}'; let file = toscalar(print strcat('a', '.psv'));
                 externaldata(name: string, n: long)[strcat(folder, tolower(file))]",
                place("")
            ),
            json!([["x", 3]]),
        ),
        (
            format!("externaldata(name: string, n: long, d: dynamic)['{}']", place("a.json")),
            json!([["j", 4, "{\"k\":[1]}"], ["", 5, null]]),
        ),
        (
            format!("externaldata(name: string, n: long)['{}'] with (format=multijson)", place("m.json")),
            json!([["m", 6]]),
        ),
        (
            format!("externaldata(line: string)['{}'] | where line != '' | order by line asc", place("a.txt")),
            json!([["another"], ["one line"]]),
        ),
        (
            format!("externaldata(all: string)['{}'] with (format=raw) | project strlen(all)", place("a.txt")),
            json!([[17]]),
        ),
        (
            "externaldata(ip: string, score: int)['https://lists.example.org/ips.csv.gz'] with (ignoreFirstRecord=true)"
                .to_owned(),
            json!([["10.0.0.1", 5], ["10.0.0.2", null]]),
        ),
    ] {
        let output = fixture.query(&query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(json!(output.rows_json()), expected, "{query}");
    }
}

#[tokio::test]
async fn refusals_name_the_place_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = fixture(dir.path()).await;
    for (uri, expected) in [
        (
            "https://other.example.org/a.csv?sig=secret",
            "`https://other.example.org/a.csv` is not among the places",
        ),
        (
            "https://lists.example.org/gone.csv?sig=secret",
            "cannot read `https://lists.example.org/gone.csv`: 404",
        ),
        ("https://lists.example.org/zeros.gz", "larger than 1048576 bytes"),
    ] {
        let error = fixture.query(&format!("externaldata(a: string)['{uri}']")).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected) && !text.contains("secret"), "{uri}: {text}");
        assert!(matches!(error, QueryError::Refused { .. } | QueryError::TooLarge { .. }));
    }
}
