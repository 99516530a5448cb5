//! Scalar functions.

use std::collections::BTreeSet;

use bartizan_engine::QueryError;
use bartizan_kql::functions::{self, ArgumentKind, Declared, Nulls};
use bartizan_schema::KqlType;
use serde_json::Value;

use super::calls::{Call, call};
use super::{Report, cell, cut, ended, is_of, mistake, null_of, types};
use crate::support::Fixture;

/// Functions whose value is another one each time.
const RANDOM: &[&str] = &["rand", "new_guid", "current_database"];

/// Functions that look at the names of their arguments, and so give others for columns than for constants.
const OF_NAMES: &[&str] = &["bag_pack_columns"];

/// Functions that look at a whole table, so that another argument is a part of it.
const OF_TABLES: &[&str] = &["column_names_of"];

/// Values of each type, none of which is null. What takes no value of a type is shown with it.
const SAMPLES: &[(KqlType, &str)] = &[
    (KqlType::Long, "7"),
    (KqlType::Real, "1.5"),
    (KqlType::String, "\"text\""),
    (KqlType::Bool, "true"),
    (KqlType::DateTime, "datetime(2026-01-02)"),
    (KqlType::TimeSpan, "1h"),
    (KqlType::Guid, "guid(70fc66f7-8279-44fc-9092-d364d70fce44)"),
];

#[tokio::test]
async fn every_function_keeps_its_declaration() {
    let fixture = Fixture::new(Vec::new()).await;
    let families: BTreeSet<&str> = functions::all().map(|declared| declared.family).collect();
    let only = std::env::var("BARTIZAN_ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    for family in families.into_iter().filter(|family| *family != "aggregate" && family.contains(&only)) {
        let mut report = Report::default();
        for declared in functions::all().filter(|declared| declared.family == family) {
            function(declared, &fixture, &mut report).await;
        }
        failures.extend(report.finish(family));
    }
    assert!(failures.is_empty(), "{} do not hold\n{}", failures.len(), failures.join("\n"));
}

async fn function(declared: &Declared, fixture: &Fixture, report: &mut Report) {
    let function = declared.function;
    report.line(&format!("## {}", function.name));
    let Some(found) = call(function.example, function.name) else {
        return report.fail(format!("{}: its example does not call it", function.name));
    };
    let plain = match fixture.query(function.example).await {
        Ok(output) => output,
        Err(error @ QueryError::Unsupported { .. }) => return report.line(&ended(&error)),
        Err(error) => return report.fail(format!("{}: {error}", function.example)),
    };
    let columns: Vec<String> = plain.columns.iter().map(|column| column.ty.to_string()).collect();
    let random = RANDOM.contains(&function.name);
    let first = plain.rows_json();
    let shown = match first.first() {
        _ if random => "another each time".to_owned(),
        Some(row) => row.iter().map(cell).collect::<Vec<_>>().join("  "),
        None => "no rows".to_owned(),
    };
    report.line(function.example);
    report.line(&format!("  = {} {shown}", columns.join(" ")));
    for (column, value) in plain.columns.iter().zip(first.iter().flatten()) {
        if !is_of(column.ty, value) {
            report.fail(format!("{}: {value} is no {}", function.example, column.ty));
        }
    }
    values(declared, &found, fixture, report).await;
    errors(declared, &found, fixture, report);
}

/// Values and nulls in rows, and no rows.
async fn values(declared: &Declared, found: &Call<'_>, fixture: &Fixture, report: &mut Report) {
    let function = declared.function;
    let example = function.example;
    let arg_types: Vec<Option<KqlType>> = found
        .args
        .iter()
        .map(|arg| {
            types(fixture, &format!("{} _arg = {arg}", leading(found))).and_then(|all| all.last().copied())
        })
        .collect();
    let in_rows = |at: usize| {
        format!(
            "iff(_row == {}, {}, {})",
            at + 1,
            null_of(arg_types[at].unwrap_or(KqlType::Long)),
            found.args[at]
        )
    };
    // which arguments may differ from row to row
    let source = source(found, found.args.len());
    let with = |columns: &BTreeSet<usize>, null: Option<usize>| -> String {
        let args: Vec<String> = (0..found.args.len())
            .map(|at| match (columns.contains(&at), null == Some(at)) {
                (true, _) => format!("_a{at}"),
                (false, true) => null_of(arg_types[at].unwrap_or(KqlType::Long)),
                (false, false) => found.args[at].to_owned(),
            })
            .collect();
        format!("{}({})", found.name, args.join(", "))
    };
    let query = |columns: &BTreeSet<usize>, null: Option<usize>, filter: &str| {
        let cells: String = columns.iter().map(|at| format!("| extend _a{at} = {} ", in_rows(*at))).collect();
        format!("{source}{cells}{filter}| serialize _r = {}{}", with(columns, null), after(found))
    };
    let mut columns = BTreeSet::new();
    for at in (0..found.args.len()).filter(|at| arg_types[*at].is_some()) {
        let mut more = columns.clone();
        more.insert(at);
        if types(fixture, &query(&more, None, "")).is_some() {
            columns = more;
        }
    }
    let constant: Vec<String> =
        (0..found.args.len()).filter(|at| !columns.contains(at)).map(|at| (at + 1).to_string()).collect();
    if !constant.is_empty() {
        report.line(&format!("  constant: {}", constant.join(", ")));
    }
    let text = format!("{} | project _row, _r", query(&columns, None, ""));
    let output = match fixture.query(&text).await {
        Ok(output) => output,
        Err(error) => return report.line(&format!("  in rows: {}", ended(&error))),
    };
    let ty = output.columns.last().map_or(KqlType::Dynamic, |column| column.ty);
    let mut by_row: Vec<Value> = vec![Value::Null; found.args.len() + 1];
    for row in output.rows_json() {
        let (Some(number), Some(value)) = (row[0].as_u64(), row.last()) else { continue };
        if !is_of(ty, value) {
            report.fail(format!("{example}: in rows: {value} is no {ty}"));
        }
        by_row[number as usize] = value.clone();
    }
    // the same arguments as constants
    let constants = format!(
        "{source}| where _row == 0 | serialize _r = {}{} | project _r",
        with(&BTreeSet::new(), None),
        after(found)
    );
    if !RANDOM.contains(&function.name)
        && !OF_NAMES.contains(&function.name)
        && let Ok(plain) = fixture.query(&constants).await
    {
        let plain = plain.rows_json().into_iter().flatten().next();
        if plain.as_ref() != Some(&by_row[0]) {
            report
                .fail(format!("{example}: constants give {plain:?}, the same values in rows {}", by_row[0]));
        }
    }
    for at in 0..found.args.len() {
        let ty = arg_types[at];
        let (value, how) = if columns.contains(&at) {
            (by_row[at + 1].clone(), "")
        } else {
            let text = format!("{} | where _row == 0 | project _r", query(&BTreeSet::new(), Some(at), ""));
            match fixture.query(&text).await {
                Ok(output) => {
                    (output.rows_json().into_iter().flatten().next().unwrap_or(Value::Null), " (constant)")
                }
                Err(error) => {
                    report.line(&format!("  null {}: {}", at + 1, ended(&error)));
                    continue;
                }
            }
        };
        let shown =
            if RANDOM.contains(&function.name) { "another each time".to_owned() } else { cell(&value) };
        report.line(&format!("  null {}{how}: {shown}", at + 1));
        let is_null = value.is_null() || value == "";
        if function.nulls == Nulls::Propagate && ty.is_some_and(|ty| ty != KqlType::String) && !is_null {
            report.fail(format!(
                "{example}: null for argument {} gives {value}, and is declared to give null",
                at + 1
            ));
        }
    }
    let none = format!("{} | project _r", query(&columns, None, "| where _row < 0 "));
    match fixture.query(&none).await {
        Ok(output) if output.columns[0].ty == ty && output.rows_json().is_empty() => {}
        Ok(output) => report.fail(format!("{example}: no rows give {:?}", output.rows_json())),
        Err(error) => report.fail(format!("{example}: over no rows: {error}")),
    }
}

/// `extend` or `serialize` over what the example begins with.
fn leading(found: &Call<'_>) -> String {
    let before = found.before;
    match before.rfind('|') {
        Some(pipe) => format!("{}| extend", &before[..pipe]),
        None => "print".to_owned(),
    }
}

/// Rows numbered from 0 to the number of arguments, with the columns the example has.
fn source(found: &Call<'_>, args: usize) -> String {
    match found.before.rfind('|') {
        Some(pipe) => format!(
            "{}| take 1 | extend _row = range(0, {args}) | mv-expand _row to typeof(long) ",
            &found.before[..pipe]
        ),
        None => format!("range _row from 0 to {args} step 1 "),
    }
}

/// What the example does with the value, like a path into it. Operators after it are left out.
fn after<'t>(found: &Call<'t>) -> &'t str {
    found.after.split('|').next().unwrap_or_default().trim_end_matches([')', ']']).trim_end()
}

/// Too few, too many, and of the wrong type: each is told by name.
fn errors(declared: &Declared, found: &Call<'_>, fixture: &Fixture, report: &mut Report) {
    let name = declared.function.name;
    let fewest = declared.signatures.iter().map(|signature| signature.arity().0).min().unwrap_or(0);
    let most = declared
        .signatures
        .iter()
        .map(|signature| signature.arity().1)
        .try_fold(0, |most, each| each.map(|each| most.max(each)));
    let called = |args: &[&str]| format!("{} _x = {name}({})", leading(found), args.join(", "));
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
    if let Some(most) = most.filter(|_| !OF_TABLES.contains(&name)) {
        let filler = found.args.last().copied().unwrap_or("1");
        let many: Vec<&str> =
            found.args.iter().copied().chain(std::iter::repeat(filler)).take(most + 1).collect();
        told("too many", &called(&many), &[name]);
    }
    for (at, _) in found.args.iter().enumerate() {
        let kinds: Vec<ArgumentKind> = declared
            .signatures
            .iter()
            .filter(|signature| signature.takes(found.args.len()))
            .filter_map(|signature| signature.parameters.get(at).or(signature.parameters.last()))
            .map(|parameter| parameter.kind)
            .collect();
        let Some(kind) = kinds.first() else { continue };
        let wrong = SAMPLES.iter().find(|(ty, _)| !kinds.iter().any(|kind| kind.accepts(*ty)));
        let Some((ty, sample)) = wrong else { continue };
        let mut args = found.args.clone();
        args[at] = sample;
        told(&format!("{ty} for {}", at + 1), &called(&args), &[ty.name(), kind.describe()]);
    }
}
