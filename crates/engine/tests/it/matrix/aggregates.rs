//! Aggregates of `summarize`.

use bartizan_engine::QueryError;
use bartizan_kql::functions::{self, ArgumentKind, Declared, Nulls};
use bartizan_schema::KqlType;

use super::calls::{Call, call};
use super::{Report, cut, ended, header, is_of, mistake, null_of, rows, types};
use crate::support::Fixture;

/// Aggregates that are declared to leave nulls out, and for which rows of nulls still change the answer.
const NULLS_COUNT: &[(&str, &str)] = &[
    ("count", "counts rows"),
    ("make_list_with_nulls", "keeps nulls"),
    ("passthrough", "gives any row, nulls too"),
    ("arg_min", "gives the other columns of one row"),
    ("arg_max", "gives the other columns of one row"),
    ("argmin", "gives the other columns of one row"),
    ("argmax", "gives the other columns of one row"),
];

const SAMPLES: &[(KqlType, &str)] = &[
    (KqlType::String, "\"text\""),
    (KqlType::Long, "7"),
    (KqlType::Guid, "guid(70fc66f7-8279-44fc-9092-d364d70fce44)"),
];

#[tokio::test]
async fn every_aggregate_keeps_its_declaration() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut report = Report::default();
    for declared in functions::all().filter(|declared| declared.family == "aggregate") {
        aggregate(declared, &fixture, &mut report).await;
    }
    let failures = report.finish("aggregate");
    assert!(failures.is_empty(), "{} do not hold\n{}", failures.len(), failures.join("\n"));
}

async fn aggregate(declared: &Declared, fixture: &Fixture, report: &mut Report) {
    let function = declared.function;
    report.line(&format!("## {}", function.name));
    let found = call(function.example, function.name);
    let Some((found, input)) = found.and_then(|found| {
        let pipe = found.before.rfind('|')?;
        let input = &found.before[..pipe];
        Some((found, input))
    }) else {
        return report.fail(format!("{}: its example does not summarize with it", function.name));
    };
    report.line(function.example);
    let plain = show(fixture, report, "values", function.example).await;
    let summarize = |args: &[String]| format!("| summarize {}({})", found.name, args.join(", "));
    let own: Vec<String> = found.args.iter().map(|arg| (*arg).to_owned()).collect();
    let empty = show(fixture, report, "no rows", &format!("{input}| where false {}", summarize(&own))).await;
    show(fixture, report, "no rows by key", &format!("{input}| where false {} by _k = 1", summarize(&own)))
        .await;
    if let (Some((plain, _)), Some((empty, _))) = (&plain, &empty)
        && plain != empty
    {
        report.fail(format!("{}: columns {plain}, and over no rows {empty}", function.example));
    }
    for (at, arg) in found.args.iter().enumerate().filter(|(_, arg)| **arg != "*") {
        let Some(ty) = types(fixture, &format!("{input}| project _arg = {arg}")).map(|all| all[0]) else {
            continue;
        };
        nulls(declared, &found, input, at, ty, plain.as_ref(), fixture, report).await;
    }
    errors(declared, &found, input, fixture, report);
}

/// One argument null in all rows, and in every second one.
#[expect(clippy::too_many_arguments, reason = "one place calls it")]
async fn nulls(
    declared: &Declared,
    found: &Call<'_>,
    input: &str,
    at: usize,
    ty: KqlType,
    plain: Option<&(String, Vec<String>)>,
    fixture: &Fixture,
    report: &mut Report,
) {
    let function = declared.function;
    let with = |value: &str| {
        let mut args = found.args.clone();
        args[at] = value;
        format!("| summarize {}({})", found.name, args.join(", "))
    };
    let null = null_of(ty);
    let text = format!("{input}| extend _n = {null} {}", with("_n"));
    show(fixture, report, &format!("null {}", at + 1), &text).await;
    if ty == KqlType::String {
        return;
    }
    let arg = found.args[at];
    let text = format!(
        "{input}| extend _row = dynamic([0, 1]) | mv-expand _row to typeof(long) | extend _n = iff(_row == 1, {null}, {arg}) {}",
        with("_n")
    );
    let between = show(fixture, report, &format!("nulls between {}", at + 1), &text).await;
    let exempt = NULLS_COUNT.iter().any(|(name, _)| *name == function.name);
    if let (Some((_, plain)), Some((_, between))) = (plain, between)
        && at == 0
        && function.nulls == Nulls::Skipped
        && !exempt
        && *plain != between
    {
        report.fail(format!("{}: {plain:?}, and with nulls between {between:?}", function.example));
    }
}

/// Aggregates that give any of the values.
const ANY: &[&str] = &["any", "take_any", "take_anyif", "passthrough"];

/// Runs a query and notes its answer: the types of its columns, and its rows.
async fn show(
    fixture: &Fixture,
    report: &mut Report,
    what: &str,
    text: &str,
) -> Option<(String, Vec<String>)> {
    let output = match fixture.query(text).await {
        Ok(output) => output,
        Err(error) => {
            if matches!(error, QueryError::Internal(_)) {
                report.fail(format!("{text}: {error}"));
            }
            report.line(&format!("  {what}: {}", cut(&ended(&error))));
            return None;
        }
    };
    for row in output.rows_json() {
        for (column, value) in output.columns.iter().zip(&row) {
            if !is_of(column.ty, value) {
                report.fail(format!("{text}: {value} is no {}", column.ty));
            }
        }
    }
    let any = ANY.iter().any(|name| text.contains(&format!("summarize {name}(")));
    let lines = rows(&output, 4);
    let shown = match lines.as_slice() {
        [] => "no rows".to_owned(),
        _ if any => "any of them".to_owned(),
        lines => lines.join(" / "),
    };
    report.line(&format!("  {what}: {} = {shown}", header(&output)));
    let types: Vec<String> = output.columns.iter().map(|column| column.ty.to_string()).collect();
    let raw = output.rows_json().iter().map(|row| format!("{row:?}")).collect();
    Some((types.join(" "), if any { Vec::new() } else { raw }))
}

fn errors(declared: &Declared, found: &Call<'_>, input: &str, fixture: &Fixture, report: &mut Report) {
    let name = declared.function.name;
    let fewest = declared.signatures.iter().map(|signature| signature.arity().0).min().unwrap_or(0);
    let called = |args: &[&str]| format!("{input}| summarize _x = {name}({})", args.join(", "));
    let mut told = |what: &str, text: &str, wanted: &[&str]| match mistake(fixture, text) {
        Some((code, message)) => {
            report.line(&format!("  {what}: {code} {}", cut(&message)));
            for wanted in wanted.iter().filter(|wanted| !message.contains(**wanted)) {
                report.fail(format!("{text}: `{message}` does not name `{wanted}`"));
            }
        }
        None => report.fail(format!("{text}: {what}, and it is accepted")),
    };
    if fewest > 0 {
        let few: Vec<&str> = found.args.iter().copied().take(fewest - 1).collect();
        told("too few", &called(&few), &[name]);
    }
    // some sketches are merged by a scalar function of the same name too
    if functions::lookup(name).is_none() {
        told("not in summarize", &format!("{input}| where {name}({}) == 1", found.args.join(", ")), &[name]);
    }
    for (at, _) in found.args.iter().enumerate() {
        let kinds: Vec<ArgumentKind> = declared
            .signatures
            .iter()
            .filter(|signature| signature.takes(found.args.len()))
            .filter_map(|signature| signature.parameters.get(at).or(signature.parameters.last()))
            .map(|parameter| parameter.kind)
            .collect();
        if kinds.is_empty() {
            continue;
        }
        let wrong = SAMPLES.iter().find(|(ty, _)| !kinds.iter().any(|kind| kind.accepts(*ty)));
        let Some((ty, sample)) = wrong else { continue };
        let mut args = found.args.clone();
        args[at] = sample;
        told(&format!("{ty} for {}", at + 1), &called(&args), &[ty.name(), "needs"]);
    }
}
