//! What this operator gives, merged, is what grouping row by row gives.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::util::display::array_value_to_string;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::aggregates::PhysicalGroupBy;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionConfig;

use super::*;

const BATCHES: usize = 12;
const ROWS: usize = 1_000;

/// A key's text in each column, and its count and sum.
type Groups = BTreeMap<Vec<String>, (i64, i64)>;

/// Columns of each type of key, then a value and whether it counts. Keys change every `run` rows or so.
fn batches(run: usize) -> Vec<RecordBatch> {
    let mut state = 7_u64;
    let mut below = move |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let mut key = 0;
    let batch = |_| {
        let mut at = Vec::with_capacity(ROWS);
        for _ in 0..ROWS {
            if below(run) == 0 {
                key = below(40);
            }
            at.push(key);
        }
        let present = |at: &usize| at % 9 != 4;
        let text = |at: &usize| present(at).then(|| format!("a host with a long name {}", at % 7));
        let number = |at: &usize| present(at).then_some((at / 2) as i64);
        let real = |at: &usize| Some([0.0, -0.0, 1.5, f64::NAN][at % 4]);
        let truth = |at: &usize| Some(at % 3 > 1).filter(|_| at % 5 > 1);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(at.iter().map(text).collect::<StringViewArray>()),
            Arc::new(at.iter().map(number).collect::<Int64Array>()),
            Arc::new(at.iter().map(real).collect::<Float64Array>()),
            Arc::new(at.iter().map(truth).collect::<BooleanArray>()),
            Arc::new((0..ROWS).map(|_| Some(below(100) as i64)).collect::<Int64Array>()),
            Arc::new((0..ROWS).map(|row| Some(row % 3 > 0)).collect::<BooleanArray>()),
        ];
        RecordBatch::try_new(schema(), columns).unwrap()
    };
    (0..BATCHES).map(batch).collect()
}

fn schema() -> Arc<Schema> {
    let field = |name: &str, ty| Field::new(name, ty, true);
    Arc::new(Schema::new(vec![
        field("text", DataType::Utf8View),
        field("number", DataType::Int64),
        field("real", DataType::Float64),
        field("truth", DataType::Boolean),
        field("value", DataType::Int64),
        field("counts", DataType::Boolean),
    ]))
}

/// Counts by the keys, and sums the rows that count.
fn grouping(batches: &[RecordBatch], keys: &[&str]) -> AggregateExec {
    let input = MemorySourceConfig::try_new_exec(&[batches.to_vec()], schema(), None).unwrap();
    let column = |name: &str| col(name, &schema()).unwrap();
    let keys = keys.iter().map(|key| (column(key), (*key).to_owned())).collect();
    let call = |function, name: &str| {
        let call = AggregateExprBuilder::new(function, vec![column("value")]).schema(schema()).alias(name);
        Arc::new(call.build().unwrap())
    };
    AggregateExec::try_new(
        AggregateMode::Partial,
        PhysicalGroupBy::new_single(keys),
        vec![call(count_udaf(), "n"), call(sum_udaf(), "total")],
        vec![None, Some(column("counts"))],
        input,
        schema(),
    )
    .unwrap()
}

/// What comes out, merged; and how many rows that were.
async fn run(plan: Arc<dyn ExecutionPlan>, memory: usize, judged_after: usize) -> (Groups, usize) {
    let runtime =
        RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(memory))).build_arc().unwrap();
    let config = SessionConfig::new()
        .with_batch_size(64)
        .set_usize("datafusion.execution.skip_partial_aggregation_probe_rows_threshold", judged_after)
        .set_str("datafusion.execution.skip_partial_aggregation_probe_ratio_threshold", "0.01");
    let context = TaskContext::default().with_runtime(runtime).with_session_config(config);
    let mut groups = Groups::new();
    let mut rows = 0;
    for batch in collect(plan, Arc::new(context)).await.unwrap() {
        let width = batch.num_columns();
        let long = |at: usize, row: usize| {
            let column = batch.column(at).as_primitive::<Int64Type>();
            if column.is_null(row) { 0 } else { column.value(row) }
        };
        for row in 0..batch.num_rows() {
            // the two zeros are equal
            let text =
                |at: usize| array_value_to_string(batch.column(at), row).unwrap().replace("-0.0", "0.0");
            let sums = groups.entry((0..width - 2).map(text).collect()).or_default();
            sums.0 += long(width - 2, row);
            sums.1 += long(width - 1, row);
        }
        rows += batch.num_rows();
    }
    (groups, rows)
}

#[tokio::test]
async fn groups_are_those_of_grouping_row_by_row() {
    for length in [1, 30, 3_000] {
        let batches = batches(length);
        for keys in [&["text"][..], &["number"], &["real"], &["truth"], &["text", "truth", "number"]] {
            let rowwise = grouping(&batches, keys);
            let by_runs = || Arc::new(PartialByRuns::standing_for(&rowwise).unwrap());
            let (wanted, rows) = run(Arc::new(rowwise.clone()), usize::MAX, usize::MAX).await;
            let counted: i64 = wanted.values().map(|(count, _)| count).sum();
            assert_eq!(counted as usize, BATCHES * ROWS);
            assert_eq!(run(by_runs(), usize::MAX, usize::MAX).await, (wanted.clone(), rows));

            let (passed_on, rows) = run(by_runs(), usize::MAX, 1).await;
            assert_eq!(passed_on, wanted);
            if wanted.len() > ROWS / 100 {
                assert!(rows >= (BATCHES - 1) * ROWS, "{rows} rows of {keys:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_passed_on_early() {
    let batches = batches(30);
    let rowwise = grouping(&batches, &["text", "number", "value"]);
    let by_runs = || Arc::new(PartialByRuns::standing_for(&rowwise).unwrap());
    let (wanted, all_at_once) = run(by_runs(), usize::MAX, usize::MAX).await;
    let (early, in_parts) = run(by_runs(), 100_000, usize::MAX).await;
    assert_eq!(early, wanted);
    assert!(in_parts > all_at_once, "{in_parts} {all_at_once}");
}

#[test]
fn plans_get_it_where_it_suits() {
    let batches = batches(30);
    let one_key = grouping(&batches, &["text"]);
    let plan = GroupByRuns.optimize(Arc::new(one_key.clone()), &ConfigOptions::default()).unwrap();
    assert_eq!(plan.name(), "PartialByRuns");
    assert_eq!(plan.schema(), one_key.schema());
    let children = plan.children().into_iter().cloned().collect();
    let again = Arc::clone(&plan).replace_children(children, recompute()).unwrap();
    assert_eq!(again.name(), "PartialByRuns");
    assert!(PartialByRuns::standing_for(&grouping(&batches, &[])).is_none());
}
