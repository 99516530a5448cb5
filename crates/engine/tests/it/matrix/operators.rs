//! Tabular operators and plugins.

use bartizan_engine::QueryError;
use bartizan_kql::{functions, operators};

use super::calls::pipeline;
use super::{Report, cut, ended, header, is_of, mistake, null_of, rows};
use crate::support::Fixture;

/// Operators and plugins whose rows are others each time.
const RANDOM: &[&str] = &["sample", "sample-distinct", "take", "preview"];

/// Those whose rows have an order; others are shown sorted.
const ORDERED: &[&str] = &["sort", "top", "serialize", "scan"];

#[tokio::test]
async fn every_operator_keeps_its_declaration() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut failures = Vec::new();
    for (family, members) in operators::FAMILIES {
        let mut report = Report::default();
        for operator in *members {
            report.line(&format!("## {}", operator.name));
            if !operator.example.is_empty() {
                example(operator.name, operator.example, operator.name, &fixture, &mut report).await;
            }
        }
        failures.extend(report.finish(&format!("operators-{family}")));
    }
    assert!(failures.is_empty(), "{} do not hold\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test]
async fn every_plugin_keeps_its_declaration() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut report = Report::default();
    for plugin in functions::PLUGINS {
        report.line(&format!("## {}", plugin.name));
        let call = format!("print x = 1 | evaluate {}(1)", plugin.name);
        match plugin.refused {
            None => example(plugin.name, plugin.example, "evaluate", &fixture, &mut report).await,
            Some(why) => match fixture.query(&call).await {
                Err(error @ QueryError::Unsupported { .. })
                    if error.to_string().contains(why) && error.to_string().contains(plugin.name) =>
                {
                    report.line(&format!("  {error}"));
                }
                other => report.fail(format!("{call}: {:?}", other.map(|output| output.stats))),
            },
        }
    }
    let failures = report.finish("plugins");
    assert!(failures.is_empty(), "{} do not hold\n{}", failures.len(), failures.join("\n"));
}

/// The example, the same over no rows, over rows of nulls, and with a column that is not there.
async fn example(name: &str, text: &str, word: &str, fixture: &Fixture, report: &mut Report) {
    report.line(text);
    let plain = show(name, fixture, report, "rows", text).await;
    let (source, steps) = pipeline(text);
    let Some(at) = steps.iter().rposition(|step| step[1..].trim_start().starts_with(word)) else { return };
    let (input, rest) = (format!("{source}{}", steps[..at].concat()), steps[at..].concat());
    let empty = show(name, fixture, report, "no rows", &format!("{input}| where false {rest}")).await;
    if let (Some(plain), Some(empty)) = (plain, empty)
        && plain != empty
        && !LEARNED.contains(&name)
    {
        report.fail(format!("{text}: columns {plain}, and over no rows {empty}"));
    }
    let checked = fixture.engine.check(fixture.workspace, &input);
    let Some(columns) = checked.columns.filter(|columns| !columns.is_empty()) else { return };
    let nulls: Vec<String> =
        columns.iter().map(|column| format!("['{}'] = {}", column.name, null_of(column.ty))).collect();
    show(name, fixture, report, "nulls", &format!("{input}| extend {} {rest}", nulls.join(", "))).await;
    // a column that the operator reads is gone
    for column in columns.iter().filter(|column| is_read(&rest, &column.name)) {
        let text = format!("{input}| project-rename _gone = {} {rest}", column.name);
        match mistake(fixture, &text) {
            Some((code, message)) => {
                report.line(&format!("  without {}: {code} {}", column.name, cut(&message)));
                if !message.contains(&column.name) {
                    report.fail(format!("{text}: `{message}` does not name `{}`", column.name));
                }
            }
            None => report.line(&format!("  without {}: accepted", column.name)),
        }
    }
}

/// Operators and plugins whose columns are in the rows.
const LEARNED: &[&str] = &["bag_unpack", "pivot"];

fn is_read(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// Runs a query and notes its answer; gives the columns.
async fn show(name: &str, fixture: &Fixture, report: &mut Report, what: &str, text: &str) -> Option<String> {
    let output = match fixture.query(text).await {
        Ok(output) => output,
        Err(error) => {
            if matches!(error, QueryError::Internal(_))
                || what == "rows" && !matches!(error, QueryError::Unsupported { .. })
            {
                report.fail(format!("{text}: {error}"));
            }
            report.line(&format!("  {what}: {}", cut(&ended(&error))));
            return None;
        }
    };
    report.line(&format!("  {what}: {}", header(&output)));
    for row in output.rows_json() {
        for (column, value) in output.columns.iter().zip(&row) {
            if !is_of(column.ty, value) {
                report.fail(format!("{text}: {value} is no {}", column.ty));
            }
        }
    }
    let mut lines = match RANDOM.contains(&name) {
        true => vec![format!("{} rows", output.stats.rows)],
        false => rows(&output, 12),
    };
    if !ORDERED.contains(&name) {
        lines.sort();
    }
    lines.iter().for_each(|line| report.line(&format!("    {line}")));
    for table in &output.tables {
        report.line(&format!("    -- {}: {} rows", table.name, table.rows_json().len()));
    }
    Some(header(&output))
}
