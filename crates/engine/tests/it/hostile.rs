//! Queries that nobody should send: each is refused or cut by the limit it hits, which the answer names, and
//! none takes more memory than a query may have.
//!
//! Memory is that of the process, which the test runner starts anew for each test.

use std::time::Duration;

use bartizan_engine::{EngineOptions, QueryError};

use crate::support::Fixture;

/// Memory of a query here.
const MEMORY_MIB: usize = 32;
/// Memory of the process at its peak: what the program itself takes, the stacks, and batches that operators
/// hold without saying so. Without bounds these queries want gigabytes and terabytes.
const PROCESS_MIB_MAX: u64 = 1_500;

/// How a query ends.
enum End {
    /// With an error that has this text.
    Refused(&'static str),
    /// With an answer: its first cell.
    First(&'static str),
    /// With an answer that the result's own limit cut.
    Cut(&'static str),
    /// At its time limit, which is set low: it needs little memory and would go on for hours.
    Stopped,
}

use End::{Cut, First, Refused, Stopped};

async fn fixture() -> Fixture {
    let options =
        EngineOptions { threads: 2, query_memory_bytes: MEMORY_MIB << 20, ..EngineOptions::default() };
    Fixture::with_options(Vec::new(), options).await
}

#[expect(clippy::print_stdout, reason = "shows what a query ended with to who asks for it")]
async fn check(fixture: &Fixture, name: &str, text: &str, end: &End) -> Option<String> {
    let mut request = fixture.request(text);
    request.limits.timeout = Duration::from_secs(if matches!(end, Stopped) { 1 } else { 240 });
    let outcome = fixture.engine.query(request).await;
    if std::env::var_os("BARTIZAN_SHOW").is_some() {
        let shown = match &outcome {
            Ok(output) => format!(
                "rows {:?}",
                output.rows_json().first().map(|row| row.first().map(|cell| cell
                    .to_string()
                    .chars()
                    .take(60)
                    .collect::<String>()))
            ),
            Err(error) => error.to_string(),
        };
        println!("{name}: {shown}; peak {} MiB", peak_mib());
    }
    let found = match (&outcome, end) {
        (Err(QueryError::Timeout { .. }), Stopped) => {
            let idle = tokio::time::timeout(Duration::from_secs(60), fixture.engine.idle()).await;
            idle.err().map(|_| "it goes on after its time limit".to_owned())
        }
        (Err(QueryError::Internal(text)), _) => Some(format!("internal error: {text}")),
        (Err(error), Refused(wanted)) => {
            (!error.to_string().contains(wanted)).then(|| format!("wanted `{wanted}`, got `{error}`"))
        }
        (Ok(output), First(wanted)) => {
            let first = output.rows_json().first().and_then(|row| row.first()).map(ToString::to_string);
            (first.as_deref() != Some(*wanted)).then(|| format!("wanted `{wanted}`, got {first:?}"))
        }
        (Ok(output), Cut(code)) => {
            let partial = output.partial.as_ref().map(|partial| partial.code);
            (partial != Some(*code)).then(|| format!("wanted `{code}`, got {partial:?}"))
        }
        (Err(error), _) => Some(format!("got `{error}`")),
        (Ok(output), _) => Some(format!("got an answer of {} rows", output.stats.rows)),
    };
    let peak = peak_mib();
    let large = (peak > PROCESS_MIB_MAX).then(|| format!("the process had {peak} MiB"));
    found.or(large).map(|what| format!("{name}: {what}"))
}

async fn check_all(cases: &[(&str, String, End)]) {
    let fixture = fixture().await;
    let only = std::env::var("BARTIZAN_ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    for (name, text, end) in cases.iter().filter(|(name, ..)| name.contains(&only)) {
        failures.extend(check(&fixture, name, text, end).await);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // and after all that the engine still answers
    assert_eq!(fixture.query("print 1").await.unwrap().rows_json(), [[serde_json::json!(1)]]);
}

/// The most memory this process ever had (`proc(5)`: `VmHWM`), 0 where it is not told.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) >> 10
}

fn nested(open: &str, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(10_000), close.repeat(10_000))
}

#[tokio::test]
async fn large_and_deep_texts() {
    let chain = |first: &str, each: &dyn Fn(usize) -> String, last: &str| {
        format!("{first}{}{last}", (1..10_000).map(each).collect::<String>())
    };
    check_all(&[
        ("ten megabytes", "print 'x' // ".to_owned() + &"x".repeat(10 << 20), Refused("2097152 bytes")),
        ("parentheses", format!("print {}", nested("(", "1", ")")), Refused("nested")),
        ("minus signs", format!("print {}1", "-".repeat(10_000)), Refused("nested")),
        ("calls", format!("print {}", nested("strlen(", "'x'", ")")), Refused("nested")),
        ("iff", format!("print {}", nested("iff(true, ", "1", ", 2)")), Refused("errors")),
        ("case", format!("print {}", nested("case(false, 1, ", "1", ")")), Refused("errors")),
        ("not", format!("print {}", nested("not(", "true", ")")), Refused("nested")),
        ("dynamic arrays", format!("print dynamic({})", nested("[", "1", "]")), Refused("nested")),
        ("dynamic bags", format!("print dynamic({})", nested("{\"a\":", "1", "}")), Refused("nested")),
        (
            "paths",
            format!("print d = dynamic({{}}) | extend x = d{}", ".a".repeat(10_000)),
            Refused("nested"),
        ),
        ("toscalar", format!("print {}", nested("toscalar(print ", "1", ")")), Refused("nested")),
        ("joins", nested("print x = 1 | join (", "print x = 1", ") on x"), Refused("errors")),
        ("unions", nested("union (", "print x = 1", ")"), Refused("nested")),
        (
            "mv-apply",
            format!("print d = dynamic([1]) {}", nested("| mv-apply d on (", "| take 1", ")")),
            Refused("nested"),
        ),
        ("functions", nested("let f = () { ", "print 1", " }; f()"), Refused("nested")),
        ("additions", format!("print 1{}", " + 1".repeat(10_000)), Refused("nested")),
        ("operators", format!("print x = 1{}", " | where x == 1".repeat(10_000)), Refused("1000 operators")),
        (
            "values of values",
            chain("let a0 = 1;", &|n| format!("let a{n} = a{} + 1;", n - 1), "print a9999"),
            Refused("nested"),
        ),
        (
            "tables of tables",
            chain("let a0 = print x = 1;", &|n| format!("let a{n} = a{} | where x == {n};", n - 1), "a9999"),
            Refused("1000 operators"),
        ),
        (
            "functions of functions",
            chain("let f0 = () { 1 };", &|n| format!("let f{n} = () {{ f{}() }};", n - 1), "print f9999()"),
            Refused("32 function calls"),
        ),
        (
            "doubling tables",
            chain("let a0 = print x = 1;", &|n| format!("let a{n} = union a{p}, a{p};", p = n - 1), "a9999"),
            Refused("too large"),
        ),
        (
            "doubling values",
            chain(
                "let f0 = (x: long) { x + x };",
                &|n| format!("let f{n} = (x: long) {{ f{p}(x) + f{p}(x) }};", p = n - 1),
                "print f25(1)",
            ),
            Refused("too large"),
        ),
        (
            "texts in every column",
            format!("print a = 'x', b = 'y', c = 'z' | search {}'w'", "'v' or ".repeat(40_000)),
            Refused("terms, at most 100000"),
        ),
        (
            "levels of top-nested",
            format!(
                "print x = 1 | top-nested of x by count(){}",
                ", top-nested of x by count()".repeat(1_000)
            ),
            Refused("1001 levels, at most 6"),
        ),
        (
            "find inside find",
            format!(
                "{}print Computer = 'x'{}",
                "find in (Event) where Computer in ((".repeat(40),
                "))".repeat(40)
            ),
            Refused("more than 4 other"),
        ),
        ("recursion", "let f = (x: long) { f(x) }; print f(1)".to_owned(), Refused("itself")),
        (
            "a hundred thousand members",
            format!("print x = 5 | where x in (0{})", ", 5".repeat(100_000)),
            First("5"),
        ),
        (
            "a hundred thousand texts",
            format!("print x = 'a' | where x !in~ ('b'{})", ", 'c'".repeat(100_000)),
            First("\"a\""),
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_without_end() {
    let own = str::to_owned;
    check_all(&[
        ("range", own("range x from 1 to 1000000000000 step 1"), Refused("16777216 rows")),
        ("rows of the result", own("range x from 1 to 600000 step 1"), Cut("RowLimit")),
        ("join", own("range x from 1 to 4000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 4000000 step 1 | extend k = 1) on k | count"), Refused("limit of 32 MiB")),
        ("smaller join", own("range x from 1 to 300000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 300000 step 1 | extend k = 1) on k | where x + y < 0 | count"), Stopped),
        ("lookup", own("range x from 1 to 300000 step 1 | extend k = 1 | lookup (range y from 1 to 300000 step 1 | extend k = 1) on k | where x + y < 0 | count"), Stopped),
        ("make-series", own("range x from 1 to 10 step 1 | make-series count() on x from 0 to 1000000000 step 1"), Refused("1048576 elements")),
        ("a chain of values", own("print x = 1 | where x in (1, 2, 3)"), First("1")),
    ])
    .await;
}

#[tokio::test]
async fn values_and_tables_without_end() {
    let own = str::to_owned;
    let many = "range x from 1 to 16000000 step 1 | extend s = strcat('some text ', x)";
    check_all(&[
        ("make_list", format!("{many} | summarize l = make_list(s, 16000000) | project array_length(l)"), Refused("limit of 32 MiB")),
        ("make_list by key", format!("{many} | take 4000000 | summarize l = make_list(s) by k = x % 100 | summarize sum(array_length(l))"), Refused("limit of 32 MiB")),
        ("make_set", format!("{many} | summarize l = make_set(s, 16000000) | project array_length(l)"), Refused("limit of 32 MiB")),
        ("make_bag", format!("{many} | summarize b = make_bag(bag_pack(s, x)) | project array_length(bag_keys(b))"), Refused("limit of 32 MiB")),
        ("buildschema", format!("{many} | summarize b = buildschema(bag_pack(s, x)) | project array_length(bag_keys(b))"), Refused("limit of 32 MiB")),
        ("materialize", format!("let T = materialize({many}); T | join kind=inner T on s | count"), Refused("limit of 32 MiB")),
        ("take_any of everything", format!("{many} | summarize take_any(s) by s2 = s | where s2 == '' | count"), First("0")),
        ("mv-expand", own("range x from 1 to 1000 step 1 | mv-expand y = range(1, 1000000) | count"), Refused("`mv-expand` makes more than 16777216 rows")),
        ("mv-expand of mv-expand", own("range x from 1 to 100000 step 1 | mv-expand y = range(1, 1000) to typeof(long) | mv-expand z = range(1, 1000) to typeof(long) | where x + y + z < 0 | count"), Stopped),
        ("mv-apply", own("range x from 1 to 100000 step 1 | mv-apply y = range(1, 1000000) to typeof(long) on (summarize sum(y)) | count"), Refused("makes more than 16777216 rows")),
        ("bag_unpack", own("range x from 1 to 100000 step 1 | project d = bag_pack(tostring(x), x) | evaluate bag_unpack(d)"), Refused("`evaluate bag_unpack` gives at most 10000 columns")),
        ("pivot", own("range x from 1 to 20000 step 1 | evaluate pivot(x)"), Refused("`evaluate pivot` gives at most 10000 columns")),
        ("scan", own("range x from 1 to 1000000 step 1 | scan declare (l: string = '') with (step s: true => l = strcat(s.l, strrep('x', 1024));) | count"), Refused("limit of 32 MiB")),
        ("scan of values", own("range x from 1 to 1000000 step 1 | scan declare (l: dynamic = dynamic([])) with (step s: true => l = array_concat(s.l, pack_array(x, x, x, x));) | count"), Refused("limit of 32 MiB")),
        ("partition", own("range x from 1 to 100000 step 1 | partition by x { range y from 1 to 3 step 1 | where y == toscalar(x) }"), Refused("at most 1024 are possible")),
        ("graph-match", own("range x from 1 to 200 step 1 | mv-expand y = range(1, 200) to typeof(long) | make-graph x --> y with_node_id=n | graph-match (a)-[e1]->(b)-[e2]->(c)-[e3]->(d) project a.n, d.n"), Refused("limit of 32 MiB")),
        ("graph-match without matches", own("range x from 1 to 200 step 1 | mv-expand y = range(1, 200) to typeof(long) | union (print x = 500, y = 501) | make-graph x --> y with_node_id=n | graph-match cycles=all (a)-[e*1..20]->(b) where a.n == 1 and b.n == 501 project a = 1"), Stopped),
        ("regex", own("print s = strrep('a', 1000) | where s matches regex '(a*)*b' | count"), First("0")),
        ("regex of repetitions", own("print s = 'a' | where s matches regex '(((a{1000}){1000}){1000}){1000}'"), Refused("regular expression")),
        ("regex in rows", own("range x from 1 to 8 step 1 | extend r = strcat('((a{1000}){', 500 + x, '}){500}') | where s(r) | count").replace("s(r)", "'aaa' matches regex r"), First("0")),
        ("regex of classes", own("print s = 'a' | where s matches regex @'(\\p{L}{900}){900}'"), Refused("regular expression")),
        ("range", own("print l = range(1, 100000000, 1) | project array_length(l)"), First("1048576")),
        ("range of moments", own("print l = range(datetime(2000-01-01), datetime(2026-01-01), 1s) | project array_length(l)"), First("1048576")),
        ("repeat", own("print l = repeat(1, 100000000) | project array_length(l)"), First("null")),
        ("series of series", own("range x from 1 to 1000 step 1 | extend s = range(1, 1000000, 1) | summarize l = make_list(s, 16000000) | project array_length(l)"), Refused("gathers more than 268435456 bytes")),
        ("toscalar", own("print toscalar(range x from 1 to 16000000 step 1 | summarize make_list(x, 16000000))"), Refused("limit of 32 MiB")),
        ("in", own("range x from 1 to 10 step 1 | where x in ((range y from 1 to 16000000 step 1)) | count"), Refused("limit of 32 MiB")),
        ("union", own("range x from 1 to 16000000 step 1 | union (range x from 1 to 16000000 step 1) | summarize make_list(x, 32000000)"), Refused("limit of 32 MiB")),
        ("parse_xml", own("print x = parse_xml(strcat(strrep('<a>', 1000), strrep('</a>', 1000))) | project isnull(x)"), First("true")),
        ("zipped zeros", own("print s = gzip_compress_to_base64_string(strrep(strrep('0', 1024), 1024)) | extend t = strcat(s) | project strlen(gzip_decompress_from_base64_string(t))"), First("1048576")),
    ])
    .await;
}

/// A key that is there often on both sides is as cheap as one that is there once: nothing of a pair is wanted.
#[tokio::test]
async fn joins_that_only_ask() {
    let side = |name: &str| format!("range {name} from 1 to 400000 step 1 | extend k = {name} % 2");
    let join = |kind: &str| format!("{} | join kind={kind} ({}) on k | count", side("x"), side("y"));
    check_all(&[
        ("leftsemi", join("leftsemi"), First("400000")),
        ("rightsemi", join("rightsemi"), First("400000")),
        ("leftanti", join("leftanti"), First("0")),
        ("rightanti", join("rightanti"), First("0")),
        ("innerunique", join("innerunique"), First("400000")),
    ])
    .await;
}

/// Stored text of brackets, read by everything that reads JSON. The reader that paths use calls itself for each.
#[tokio::test]
async fn deep_json_in_stored_text() {
    let fixture = fixture().await;
    for levels in [600, 100_000, 1_000_000] {
        for (at, text) in [
            format!("{{\"y\":1,\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels)),
            format!("{{\"y\":1,\"x\":{}", "[".repeat(levels)),
            format!("{}1{}", "{\"x\":".repeat(levels), "}".repeat(levels)),
            format!("{}1{}", "[".repeat(levels), "]".repeat(levels)),
        ]
        .into_iter()
        .enumerate()
        {
            let serde_json::Value::Object(row) = serde_json::json!({
                "TimeGenerated": "2026-03-01T11:00:00Z", "Computer": format!("{levels}-{at}"), "RenderedDescription": text,
            }) else {
                unreachable!()
            };
            fixture.append("Event", vec![row]).await;
        }
    }
    fixture.store.flush().await.unwrap();
    for steps in [
        "extend v = d.x | where isnotnull(v)",
        "extend v = d.y | where isnotnull(v)",
        "extend v = d.x.x[0][0] | where isnotnull(v)",
        "extend v = d[0] | where isnotnull(v)",
        "extend v = d[-1] | where isnotnull(v)",
        "extend k = 'x' | extend v = d[k] | where isnotnull(v)",
        "mv-expand d | where isnotnull(d.x)",
        "mv-apply d on (summarize n = count()) | where n > 1",
        "where isnotnull(bag_keys(d))",
        "where array_length(d) > 1",
        "extend v = tostring(d.x) | where isnotempty(v)",
        "evaluate bag_unpack(d) | where false",
        "extend v = bag_merge(d, dynamic({'a': 1})) | where isnotnull(v.x)",
        "where isnotnull(array_sum(d))",
        "where isnotnull(series_fill_const(d, 0)[0])",
        "where isnotnull(treepath(d)[5])",
        "where isnotnull(d.hll) or isnotnull(dcount_hll(d))",
        "summarize v = make_set(d) | where isnotnull(v[0][0])",
        "extend v = extract_json('$.y', RenderedDescription) | where isnotempty(v)",
        "where gettype(d) != 'string'",
    ] {
        let text = format!("Event | extend d = parse_json(RenderedDescription) | {steps} | count");
        let output = fixture.query(&text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(output.rows_json(), [[serde_json::json!(0)]], "{text}");
    }
    // wrapping a value step by step makes deep ones too
    let text = "range x from 1 to 2000 step 1 | scan declare (d: dynamic = dynamic([1])) with (step s: true => d = \
                pack_array(s.d, 1);) | extend e = d[0], n = array_length(d) | summarize countif(isnull(e)) > 0, count()";
    let rows = fixture.query(text).await.unwrap().rows_json();
    assert_eq!(rows, [[serde_json::json!(true), serde_json::json!(2000)]]);
}
