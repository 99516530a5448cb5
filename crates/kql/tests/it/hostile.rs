//! Text that nobody means: every query must come back, with a tree or with diagnostics, and in bounded time.

use std::time::Instant;

use bartizan_kql::{Analysis, AnalyzeOptions, analyze};

use crate::catalog::MemoryCatalog;

fn check(text: &str) -> Analysis {
    if std::env::var_os("HOSTILE_SHOW").is_some() {
        println!("{text:?}");
    }
    check_in(text, &MemoryCatalog::default().with("T", "a:string,b:long,d:dynamic,t:datetime"))
}

fn check_in(text: &str, catalog: &MemoryCatalog) -> Analysis {
    let analysis = analyze(text, catalog, &AnalyzeOptions::default());
    for finding in &analysis.diagnostics {
        assert_ne!(finding.code, "K0004", "panic in {text:?}");
        assert!(finding.span.start <= finding.span.end, "{finding:?}");
    }
    analysis
}

const SEEDS: &[&str] = &[
    "T | where a has 'x' and b between (1 .. 5) | summarize c = count(), make_set(a) by bin(t, 1h), tostring(d.k[0])",
    "let f = (x:long = 1, Q:(*)) { Q | extend y = x }; f(2, T) | join kind=leftouter (T) on $left.a == $right.a",
    "union isfuzzy=true (T | take 1), Missing* | parse a with * 'k=' v:int ';' * | mv-expand d to typeof(string)",
    "datatable(a:string, b:long)['x', 1, h@'y\\', 2] | project-reorder b*, * | top 3 by b desc nulls last",
    "print dynamic({'a': [1, 2.5, datetime(2024-01-01)]}), iff(true, 1, 2), -1.5h, ```raw```, guid(null)",
    "T | evaluate bag_unpack(d) | make-series count() on t step 1d by a | render timechart with (title='x')",
    "T | scan with_match_id=m declare (n: long = 0) with (step s output=none: b > 1 => n = s.n + 1; step e: true;)",
    "T | make-graph a --> b with_node_id=id | graph-match cycles=none (x)-[e*1..3]->(y)<--(z) where x.id == 'p' project x.id",
    "T | fork (take 1) n = (count) | facet by a with (where b > 1) | top-nested 2 of a with others='o' by sum(b) desc, top-nested of b by count()",
    "find withsource=s in (T, U*) where a: 'x' project a, b: long, pack(*); set x = 1; declare pattern p = (i: string)[j: string] { ('a').['b'] = { T }; }",
    "T // one\n| partition by a { U | where a == 'x' } // two\n| reduce by a with threshold=0.1, characters='-' // three",
    "T | parse-kv a as (k: long) with (pair_delimiter=';') | mv-apply with_itemindex=i x = d to typeof(long) limit 3 on (where x > 1)",
    "search in (T) 'x*' or a == 'y' | partition by a (top 1 by b) | mv-apply d on (where d > 1)",
];

/// A small generator (xorshift), so that a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Our own queries with random damage, the same on each run.
pub(crate) fn mutations(count: usize) -> impl Iterator<Item = String> {
    const PIECES: &[&str] = &[
        "(", ")", "[", "]", "{", "}", "|", ";", ",", "'", "\"", "*", "..", "=", "!", "@", "é", "let ", "by ",
        "\0", "0x", "1d", "//", "```", "-", "\n", "$", "dynamic(", "=>", ":",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..count).map(move |round| {
        let mut text: Vec<char> = SEEDS[round % SEEDS.len()].chars().collect();
        for _ in 0..=random.below(6) {
            let at = random.below(text.len().max(1)).min(text.len());
            match random.below(4) {
                0 => drop(text.drain(at..(at + random.below(12)).min(text.len()))),
                1 => text.truncate(at),
                2 => text.splice(at..at, PIECES[random.below(PIECES.len())].chars()).for_each(drop),
                _ => {
                    let other: Vec<char> =
                        SEEDS[random.below(SEEDS.len())].chars().skip(random.below(40)).take(30).collect();
                    text.splice(at..at, other).for_each(drop);
                }
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn mutated_queries_come_back() {
    for text in mutations(6000) {
        check(&text);
        if let Ok(formatted) = bartizan_kql::format(&text) {
            assert_eq!(bartizan_kql::format(&formatted).as_ref(), Ok(&formatted), "{text:?}");
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in
        [("(", ")"), ("-", ""), ("f(", ")"), ("dynamic([", "])"), ("d[", "]"), ("toscalar(T | where (", "))")]
    {
        let text = format!("T | extend x = {}1{}", open.repeat(50_000), close.repeat(50_000));
        let analysis = check(&text);
        assert!(analysis.query.is_none(), "{open}");
    }
    let chain = format!("print 1{}", " + 1".repeat(100_000));
    assert!(check(&chain).diagnostics.iter().any(|finding| finding.code == "K0002"));
    let pipeline = format!("T{}", " | where b > 1".repeat(50_000));
    assert!(check(&pipeline).diagnostics.iter().any(|finding| finding.code == "K0002"));
}

#[test]
fn long_flat_queries_bind() {
    let terms = format!("T | where {}a == 'y'", "a == 'x' or ".repeat(5_000));
    assert!(check(&terms).query.is_some());
    let list = format!("T | where a in ('x'{})", ", 'y'".repeat(100_000));
    assert!(check(&list).query.is_some());
    let mixed = format!("T | where {}b > 1", "a == 'x' and b < 5 or not(b == 2) and ".repeat(1_000));
    assert!(check(&mixed).query.is_some());
    let legs = format!("union T{}", ", T".repeat(5_000));
    assert!(check(&legs).query.is_some());
    let rows = format!("datatable(a: long)[1{}]", ", 2".repeat(100_000));
    assert!(check(&rows).query.is_some());
    let json = format!("print dynamic([1{}])", ", 2".repeat(100_000));
    assert!(check(&json).query.is_some());
}

#[test]
fn long_text_is_formatted_in_linear_time() {
    let start = Instant::now();
    for text in [
        format!("T | where a in ('x'{})", ", 'y'".repeat(100_000)),
        format!("T | where {}a == 'y'", "a == 'x' or ".repeat(20_000)),
        format!("union T{}", ", (T | take 1)".repeat(20_000)),
        format!("print dynamic({}1{})", "[".repeat(200), "]".repeat(200)),
        format!("print {}1{}", "f(aaaa, ".repeat(60), ")".repeat(60)),
        format!("T // x\n{}", "// comment\n".repeat(100_000)),
        "let x = 1;\n".repeat(50_000) + "print x",
    ] {
        let formatted = bartizan_kql::format(&text).unwrap();
        assert_eq!(bartizan_kql::format(&formatted).as_ref(), Ok(&formatted));
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn ten_megabytes_are_refused_by_name() {
    let analysis = check(&"T | where a == 'x' | ".repeat(500_000));
    assert_eq!(analysis.diagnostics[0].code, "K0001");
    assert!(analysis.diagnostics[0].message.contains("2097152 bytes"), "{:?}", analysis.diagnostics);
}

/// Found by fuzzing: each `has_any` in an expression over an open table was bound twice as often as the one
/// around it, and each value held copies of all values before it.
#[test]
fn nested_guesses_and_values_end() {
    let nested = format!("T | where a has_any({}", "| where a has_any(".repeat(100));
    assert!(check(&nested).query.is_none());
    let mut values = "let a0 = 1;".to_owned();
    for n in 1..10_000 {
        values.push_str(&format!("let a{n} = a{} + 1;", n - 1));
    }
    let analysis = check(&format!("{values}print a9999"));
    assert_eq!(analysis.diagnostics[0].code, "K0002", "{:?}", analysis.diagnostics);
    let mut doubling = "let a0 = toscalar(T | summarize max(b));".to_owned();
    for n in 1..60 {
        doubling.push_str(&format!("let a{n} = toscalar(print a{p} + a{p});", p = n - 1));
    }
    let analysis = check(&format!("{doubling}print a59"));
    assert_eq!(analysis.diagnostics[0].code, "K0003", "{:?}", analysis.diagnostics);
    assert!(analysis.diagnostics[0].hint.is_some(), "{:?}", analysis.diagnostics);
}

/// A table is as large as the sub-queries in its conditions: each use of it pays for them again.
#[test]
fn sub_queries_in_conditions_count_where_their_table_is_used() {
    let columns: Vec<String> = (0..60).map(|n| format!("c{n}: string")).collect();
    let columns = columns.join(", ");
    let names: Vec<String> = (0..40).map(|n| format!("T{n}")).collect();
    let names = names.join(", ");
    let mut script: String = (0..40).map(|n| format!("let T{n} = datatable({columns})[];\n")).collect();
    script.push_str(&format!("let inner = search in ({names}) 'x' | project c1;\n"));
    let once = check(&format!("{script}search in ({names}) c0 in (inner)"));
    assert!(once.query.is_some(), "{:?}", once.diagnostics);
    script.push_str(&format!("let middle = search in ({names}) c1 in (inner) | project c0;\n"));
    let twice = check(&format!("{script}search in ({names}) c0 in (middle)"));
    assert_eq!(twice.diagnostics[0].code, "K0003", "{:?}", twice.diagnostics);
}

/// Found by fuzzing: the place of a bad escape ended inside a character.
#[test]
fn a_bad_escape_before_a_long_character_has_a_place() {
    let text = "print 'a\\éb'";
    let span = check(text).diagnostics[0].span;
    assert_eq!(text.get(span.start..span.end), Some("\\é"));
}

#[test]
fn growth_is_bounded() {
    let mut doubling = "let a0 = T;".to_owned();
    for n in 1..40 {
        doubling.push_str(&format!("let a{n} = union a{p}, a{p};", p = n - 1));
    }
    doubling.push_str("a39");
    let start = Instant::now();
    assert!(check(&doubling).query.is_none());
    let huge = "T | where a == 'x' // ".repeat(600_000);
    assert!(check(&huge).query.is_none());
    for odd in [
        "x ",
        "| ",
        ", ",
        "a|",
        "let x=",
        "union ",
        "f(,",
        "fork (",
        "where a,",
        "['",
        "dynamic({",
        ";{",
        "-",
    ] {
        assert!(check(&odd.repeat(2_000_000 / odd.len())).query.is_none());
    }
    assert!(check(&"(".repeat(2_000_000)).query.is_none());
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn a_typical_rule_is_read_quickly() {
    let catalog =
        MemoryCatalog::default().with("T", "a:string,b:long,d:dynamic,t:datetime,user:string,host:string");
    let steps = "| where t > ago(1h) and a has_any ('x', 'y', 'z') and not(user startswith 'svc')\n\
        | extend level = case(b > 5, 'high', b > 2, 'middle', 'low'), part = tostring(d.p[0].q)\n\
        | where isnotempty(part) and host !in~ ('p', 'q', 'r')\n\
        | summarize n = count(), users = make_set(user, 100), latest = max(t) by host, bin(t, 5m), level\n\
        | where n > 3\n\
        | project t, host, level, user = tostring(users[0]), a = level, b = n, d = users\n";
    let rule = format!(
        "let since = ago(1d);\nlet names = datatable(user: string)['m', 'n'];\nT\n{}| join kind=leftanti (names) on user\n",
        steps.repeat(6)
    );
    assert!(check_in(&rule, &catalog).query.is_some(), "{:?}", check_in(&rule, &catalog).diagnostics);
    let best = (0..100)
        .map(|_| {
            let start = Instant::now();
            drop(analyze(&rule, &catalog, &AnalyzeOptions::default()));
            start.elapsed()
        })
        .min()
        .unwrap();
    let start = Instant::now();
    drop(bartizan_kql::analysis::syntax_diagnostics("T"));
    println!(
        "{} lines are parsed and bound in {best:?}; one word in {:?}",
        rule.lines().count(),
        start.elapsed()
    );
    // far above what it takes, so that a busy machine does not matter
    assert!(best.as_millis() < 50, "{best:?}");
}

/// What the fuzzer found, in short.
#[test]
fn found_by_fuzzing() {
    // words with a hyphen that the text ends in the middle of
    for text in [
        "T | project-reorder a granny-",
        "T | where x in (| project-reorder a, b* granny-",
        "T | order by a granny-",
    ] {
        check(text);
    }
    // a default that calls its own function, also by way of another one
    for text in [
        "let f = (x: long = f) { x }; print f",
        "let f = (x: long = 1 + f()) { x }; print f()",
        "let f = (x: long = g()) { x }; let g = (y: long = f()) { y }; print g()",
        "let f = (x: datetime = f - f, y: datetime = f) { T }; f",
    ] {
        let analysis = check(text);
        assert!(analysis.query.is_none(), "{text}");
    }
    // a default may call other functions, and an argument the function itself
    let fine = "let g = (y: long = 2) { y }; let f = (x: long = g()) { x + 1 }; print f(f()), f(f(1))";
    assert!(check(fine).query.is_some());
    // mistakes in a long pipeline cost what they are, not what stands before them
    let chain = format!("Missing {}", "| extend a = b. | where ".repeat(450));
    let started = Instant::now();
    assert!(check(&chain).query.is_none());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
