//! Unions of tables with more columns together than one plan should have: `search` and `union *`.

use std::collections::HashMap;

use bartizan_engine::{QueryError, QueryOutput};
use bartizan_schema::{Column, KqlType, Table};
use serde_json::{Value, json};

use crate::support::{Fixture, rows};

const TABLES: usize = 5;
const COLUMNS_EACH: usize = 210;

/// Tables `Wide0` … with columns of their own, `Shared` in all of them, and rows in all but the last one.
async fn fixture() -> Fixture {
    let tables = (0..TABLES).map(|table| {
        let declared = json!({ "name": format!("Wide{table}"), "columns": [] });
        let mut declared: Table = serde_json::from_value(declared).unwrap();
        declared.columns =
            vec![Column::new("TimeGenerated", KqlType::DateTime), Column::new("Shared", KqlType::Long)];
        declared.columns.extend((0..COLUMNS_EACH).map(|at| {
            let ty = if at % 2 == 0 { KqlType::String } else { KqlType::Long };
            Column::new(format!("c{table}_{at}"), ty)
        }));
        declared
    });
    let fixture = Fixture::new(tables.collect()).await;
    for table in 0..TABLES - 1 {
        let text = format!(
            "{{\"TimeGenerated\": \"2026-03-01T0{table}:00:00Z\", \"Shared\": {table}, \"c{table}_0\": \"needle {table}\", \"c{table}_1\": 7}}\n\
             {{\"TimeGenerated\": \"2026-02-20T0{table}:00:00Z\", \"Shared\": 100, \"c{table}_0\": \"hay\"}}\n"
        );
        fixture.append(&format!("Wide{table}"), rows(&text)).await;
    }
    fixture
}

/// The rows as values by column.
fn by_name(output: &QueryOutput) -> Vec<HashMap<String, Value>> {
    let names: Vec<String> = output.columns.iter().map(|column| column.name.clone()).collect();
    output.rows_json().into_iter().map(|row| names.iter().cloned().zip(row).collect()).collect()
}

#[tokio::test]
async fn every_row_has_its_own_values_and_no_others() {
    let fixture = fixture().await;
    let output = fixture.query("union Wide* | where TimeGenerated > ago(1d)").await.unwrap();
    assert!(output.columns.len() >= TABLES * COLUMNS_EACH, "{} columns", output.columns.len());
    let mut found = by_name(&output);
    found.sort_by_key(|row| row["Shared"].as_i64());
    assert_eq!(found.len(), TABLES - 1);
    for (table, row) in found.iter().enumerate() {
        for other in 0..TABLES {
            let here = other == table;
            assert_eq!(
                row[&format!("c{other}_0")],
                if here { json!(format!("needle {table}")) } else { json!("") }
            );
            assert_eq!(row[&format!("c{other}_1")], if here { json!(7) } else { Value::Null });
        }
    }
}

#[tokio::test]
async fn filters_and_limits_reach_each_table() -> Result<(), QueryError> {
    let fixture = fixture().await;
    let count = async |query: &str| Ok::<_, QueryError>(fixture.query(query).await?.rows_json().len());
    assert_eq!(count("union Wide* | where c3_0 == 'needle 3'").await?, 1);
    assert_eq!(count("union Wide* | where c3_0 == ''").await?, 2 * (TABLES - 2));
    assert_eq!(count("union Wide* | where isnull(c3_1)").await?, 2 * (TABLES - 1) - 1);
    assert_eq!(count("union Wide* | where c0_1 == 7 or c1_1 == 7").await?, 2);
    assert_eq!(count("union Wide* | take 3").await?, 3);
    assert_eq!(count("search in (Wide*) 'needle'").await?, TABLES - 1);
    assert_eq!(count("search in (Wide*) 'needle' and Shared > 2").await?, TABLES - 4);
    assert_eq!(count("search in (Wide*) c2_0: 'needle'").await?, 1);
    assert_eq!(count("search in (Wide*) 'nothing like it'").await?, 0);
    assert_eq!(count("find in (Wide*) where Shared == 100").await?, TABLES - 1);
    Ok(())
}

#[tokio::test]
async fn columns_meet_by_name_behind_it() {
    let fixture = fixture().await;
    let query = "union withsource=T Wide* | extend n = strlen(c1_0) + Shared | summarize sum(n), any = take_any(c1_0) by T \
                 | sort by T asc | project T, sum_n";
    let output = fixture.query(query).await.unwrap();
    // lengths of `needle 1` and `hay` are added in the second table only
    let expected: Vec<Vec<Value>> = (0..TABLES - 1)
        .map(|table| {
            vec![json!(format!("Wide{table}")), json!(100 + table + if table == 1 { 11 } else { 0 })]
        })
        .collect();
    assert_eq!(output.rows_json(), expected);
}

#[tokio::test]
async fn a_caller_gives_query_parameters() {
    let fixture = fixture().await;
    let ask = async |parameters: &[(&str, &str)]| {
        let text = "declare query_parameters(least: long = 2, name: string = 'x', from: datetime = datetime(2020-01-01)); \
                    print least + 1, name, from";
        let given =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fixture.engine.query_with(fixture.request(text), given).await.map(|output| output.rows_json())
    };
    assert_eq!(ask(&[]).await.unwrap(), [[json!(3), json!("x"), json!("2020-01-01T00:00:00Z")]]);
    let given = [("least", "-5"), ("name", "a | take 1"), ("from", "datetime(2026-01-31)")];
    assert_eq!(ask(&given).await.unwrap(), [[json!(-4), json!("a | take 1"), json!("2026-01-31T00:00:00Z")]]);
    // a literal of text is taken for what it says, and nothing but a literal is run
    assert_eq!(ask(&[("name", "'quoted'")]).await.unwrap()[0][1], json!("quoted"));
    assert_eq!(ask(&[("name", "strcat('a', 'b')")]).await.unwrap()[0][1], json!("strcat('a', 'b')"));
    for (name, value) in [("least", "many"), ("least", "1; Wide0"), ("from", "yesterday"), ("from", "now()")]
    {
        assert!(matches!(ask(&[(name, value)]).await, Err(QueryError::Invalid(_))), "{name} = {value}");
    }
}
