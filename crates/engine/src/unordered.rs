//! DataFusion's rule that divides rows among partitions and sorts them, cut short where nothing is sorted.
//!
//! The rule (`EnsureRequirements`, 55.2) walks a plan seven times, and all but the first two walks are about sorts. A
//! plan without any stays as it is in them, and most plans of rules have none. The first walk puts the keys of joins
//! into one order, which one key is in. The second asks at every operator how many rows are below it, which takes
//! another walk each time, builds each operator twice, and was a fifth of all planning; here it asks only where the
//! answer counts, and builds once.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::{Distribution, Partitioning};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::ensure_requirements::enforce_distribution::{
    PlanWithKeyRequirements, adjust_input_keys_ordering,
};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec, can_interleave};
use datafusion::physical_plan::{
    ChildSatisfactionOptions, ExecutionPlan, ExecutionPlanProperties as _, InputDistributionRequirements,
};

/// `EnsureRequirements`, and only the part of it about partitions for a plan without sorts.
#[derive(Debug, Default)]
pub(crate) struct EnsurePartitions {
    whole: EnsureRequirements,
}

impl PhysicalOptimizerRule for EnsurePartitions {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !config.optimizer.top_down_join_key_reordering || has_order(&plan)? {
            return self.whole.optimize(plan, config);
        }
        let keyed = if joins_by_several(&plan)? {
            let keys = PlanWithKeyRequirements::new_default(Arc::clone(&plan));
            keys.transform_down(adjust_input_keys_ordering)?.data.plan
        } else {
            Arc::clone(&plan)
        };
        match divided(keyed, config)? {
            // dividing rows may make something that the other steps are there for
            Some(divided) if !has_order(&divided)? => Ok(divided),
            _ => self.whole.optimize(plan, config),
        }
    }

    fn name(&self) -> &str {
        self.whole.name()
    }

    fn schema_check(&self) -> bool {
        self.whole.schema_check()
    }
}

/// Whether a join has more than one key.
fn joins_by_several(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| Ok(node.downcast_ref::<HashJoinExec>().is_some_and(|join| join.on().len() > 1)))
}

/// The plan with the input of each operator divided as the operator needs it, as [`EnsureRequirements`] does it to a
/// plan in which nothing is in order. `None` when only that knows how.
fn divided(plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    // it takes away divisions that are there before
    if plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>() {
        return Ok(None);
    }
    let before = plan.children();
    if before.is_empty() {
        return Ok(Some(plan));
    }
    let mut inputs = Vec::with_capacity(before.len());
    for input in before {
        match divided(Arc::clone(input), config)? {
            Some(input) => inputs.push(input),
            None => return Ok(None),
        }
    }
    let wanted = plan.input_distribution_requirements();
    let gains = plan.benefits_from_input_partitioning();
    if !wanted.per_child_distributions().all(is_known) {
        return Ok(None);
    }
    let by_keys = |at| matches!(wanted.child_distribution(at), Some(Distribution::KeyPartitioned(_)));
    let mut aligned = false;
    for (at, input) in inputs.iter().enumerate().filter(|(at, _)| by_keys(*at)) {
        aligned |= partitions(input) > 1 || gains[at] && has_many_rows(input, config)?;
    }
    for (at, input) in inputs.iter_mut().enumerate() {
        divide(input, at, &wanted, gains[at], aligned, config)?;
    }
    let refs: Vec<&dyn ExecutionPlan> = inputs.iter().map(AsRef::as_ref).collect();
    if !wanted.unsatisfied_co_partitioned_children(plan.name(), &refs)?.is_empty() {
        return Ok(None);
    }
    // inputs that are divided alike stay so
    if plan.is::<UnionExec>() && !config.optimizer.prefer_existing_union && can_interleave(inputs.iter()) {
        return Ok(Some(Arc::new(InterleaveExec::try_new(inputs)?)));
    }
    replace_children_if_necessary(plan, inputs).map(Some)
}

/// Divides one input of an operator.
fn divide(
    input: &mut Arc<dyn ExecutionPlan>,
    at: usize,
    wanted: &InputDistributionRequirements,
    gains: bool,
    aligned: bool,
    config: &ConfigOptions,
) -> Result<()> {
    let target = config.execution.target_partitions;
    let optimizer = &config.optimizer;
    let before = partitions(input);
    // only what reads files or memory can be read in more parts
    if optimizer.repartition_file_scans
        && input.children().is_empty()
        && has_many_rows(input, config)?
        && let Some(parts) = input.repartitioned(target, config)?
    {
        *input = parts;
    }
    match wanted.child_distribution(at) {
        Some(Distribution::SinglePartition) if partitions(input) > 1 => {
            *input = Arc::new(CoalescePartitionsExec::new(Arc::clone(input)));
        }
        Some(Distribution::KeyPartitioned(keys)) => {
            let subset = before >= optimizer.subset_repartition_threshold && wanted_alone(wanted);
            let options = ChildSatisfactionOptions::new().with_allow_subset(subset);
            let satisfied = wanted.child_satisfaction(at, input.as_ref(), options)?.is_satisfied();
            if aligned && (!satisfied || !subset && target > partitions(input)) {
                let by = Distribution::KeyPartitioned(keys.clone()).create_partitioning(target);
                *input = Arc::new(RepartitionExec::try_new(Arc::clone(input), by)?);
            }
        }
        Some(Distribution::UnspecifiedDistribution)
            if optimizer.enable_round_robin_repartition
                && gains
                && before < target
                && partitions(input) < target
                && has_many_rows(input, config)? =>
        {
            let by = Partitioning::RoundRobinBatch(target);
            *input = Arc::new(RepartitionExec::try_new(Arc::clone(input), by)?);
        }
        _ => {}
    }
    Ok(())
}

fn is_known(distribution: &Distribution) -> bool {
    use Distribution::{KeyPartitioned, SinglePartition, UnspecifiedDistribution};
    matches!(distribution, KeyPartitioned(_) | SinglePartition | UnspecifiedDistribution)
}

/// Whether an operator has one input: both inputs of a join must be divided by all of its keys.
fn wanted_alone(wanted: &InputDistributionRequirements) -> bool {
    wanted.per_child_distributions().len() == 1
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

/// Whether a plan has so many rows that working on them in parts is worth it, as far as is known.
fn has_many_rows(plan: &Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<bool> {
    let rows = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?.num_rows;
    let enough = |rows: usize| rows > config.execution.batch_size.get();
    Ok(match rows {
        Precision::Exact(rows) => enough(rows),
        Precision::Inexact(rows) => {
            !config.execution.use_row_number_estimates_to_optimize_partitioning || enough(rows)
        }
        Precision::Absent => true,
    })
}

/// Whether a plan keeps or needs an order anywhere, or brings partitions together more than once, of which one
/// may be too many.
fn has_order(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let (mut found, mut merges) = (false, 0);
    plan.apply(|node| {
        merges += usize::from(node.is::<CoalescePartitionsExec>());
        found = merges > 1
            || node.is::<SortExec>()
            || node.is::<SortPreservingMergeExec>()
            || node.downcast_ref::<RepartitionExec>().is_some_and(RepartitionExec::preserve_order)
            || node.required_input_ordering().iter().any(Option::is_some);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::record_batch::RecordBatch;
    use datafusion::datasource::{MemTable, provider_as_source};
    use datafusion::execution::SessionStateBuilder;
    use datafusion::functions_aggregate::expr_fn::sum;
    use datafusion::logical_expr::{JoinType, LogicalPlan, LogicalPlanBuilder, col, lit};
    use datafusion::physical_optimizer::join_selection::JoinSelection;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::SessionConfig;

    use super::*;

    /// A table with the columns `a` and `b`, of one part.
    fn table(rows: i64) -> LogicalPlanBuilder {
        let column = |of: i64| Arc::new((0..rows).map(|row| row % of).collect::<Int64Array>()) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column(7)), ("b", column(1_000))]).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        LogicalPlanBuilder::scan(format!("t{rows}"), provider_as_source(Arc::new(table)), None).unwrap()
    }

    fn filtered(rows: i64) -> LogicalPlanBuilder {
        table(rows).filter(col("a").gt(lit(1_i64))).unwrap()
    }

    fn grouped(rows: i64) -> LogicalPlanBuilder {
        let total = sum(col("b")).alias("total");
        filtered(rows).aggregate([col("a"), col("b")], [total]).unwrap()
    }

    fn joined(left: LogicalPlanBuilder, right: LogicalPlanBuilder, keys: &[&str]) -> LogicalPlanBuilder {
        let (left, right) = (left.alias("l").unwrap(), right.alias("r").unwrap());
        let keys = (keys.to_vec(), keys.to_vec());
        left.join(right.build().unwrap(), JoinType::Left, keys, None).unwrap()
    }

    fn plans() -> Vec<LogicalPlan> {
        const FEW: i64 = 10;
        const MANY: i64 = 100_000;
        let all = vec![
            table(FEW),
            table(MANY),
            filtered(FEW),
            filtered(MANY),
            grouped(FEW),
            grouped(MANY),
            filtered(MANY)
                .aggregate([col("a")], [sum(col("b"))])
                .unwrap()
                .filter(col("a").lt(lit(3_i64)))
                .unwrap(),
            filtered(MANY).aggregate(Vec::<datafusion::logical_expr::Expr>::new(), [sum(col("b"))]).unwrap(),
            grouped(MANY).aggregate([col("a")], [sum(col("total"))]).unwrap(),
            joined(filtered(FEW), filtered(FEW), &["a"]),
            joined(filtered(FEW), filtered(MANY), &["a"]),
            joined(filtered(MANY), filtered(FEW), &["a"]),
            joined(grouped(MANY), grouped(MANY), &["b"]),
            joined(grouped(MANY), grouped(FEW), &["b", "a"]),
            joined(filtered(MANY), grouped(MANY), &["a", "b"]),
            filtered(MANY).union(filtered(FEW).build().unwrap()).unwrap(),
            grouped(MANY).union(grouped(MANY).build().unwrap()).unwrap(),
            grouped(MANY)
                .union(grouped(FEW).build().unwrap())
                .unwrap()
                .aggregate([col("a")], [sum(col("b"))])
                .unwrap(),
            table(MANY)
                .union(table(FEW).build().unwrap())
                .unwrap()
                .aggregate([col("a")], [sum(col("b"))])
                .unwrap(),
            filtered(MANY).limit(0, Some(5)).unwrap(),
            grouped(MANY).limit(2, Some(5)).unwrap(),
        ];
        all.into_iter().map(|plan| plan.build().unwrap()).collect()
    }

    /// What is cut short is what the whole rule makes.
    #[tokio::test]
    async fn rows_are_divided_as_the_whole_rule_divides_them() {
        let config = SessionConfig::new().with_target_partitions(3);
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config.clone())
            .with_physical_optimizer_rules(vec![Arc::new(JoinSelection::new())])
            .build();
        let text = |plan: &Arc<dyn ExecutionPlan>| displayable(plan.as_ref()).indent(true).to_string();
        let mut divided_here = 0;
        for logical in plans() {
            let plan = state.create_physical_plan(&logical).await.unwrap();
            let whole = EnsureRequirements::new().optimize(Arc::clone(&plan), config.options()).unwrap();
            let short = EnsurePartitions::default().optimize(Arc::clone(&plan), config.options()).unwrap();
            assert_eq!(text(&short), text(&whole), "{}", logical.display_indent());
            divided_here += usize::from(divided(plan, config.options()).unwrap().is_some());
        }
        assert!(divided_here >= plans().len() - 2, "only {divided_here} plans were divided here");
    }
}
