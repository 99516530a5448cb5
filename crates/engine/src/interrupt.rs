//! Stopping a query that is still being planned.
//!
//! A running query stops at its next `await` when its task is aborted. Planning has none, so it asks: between
//! relations while lowering, and before each step of DataFusion's optimizer. And joins, which make millions of
//! rows of one batch without an `await`, get a place to stop at.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;

use crate::repeats;

/// Whether anybody still waits for the query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

/// Interrupts when dropped: by then the query has answered, or nobody waits for it.
#[derive(Debug)]
pub(crate) struct InterruptOnDrop(pub Interrupt);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl PartialEq for Interrupt {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Interrupt {}

impl Hash for Interrupt {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Interrupt {
    /// An error once nobody waits any more; nobody sees it either.
    pub(crate) fn check(&self) -> Result<(), DataFusionError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("interrupted".to_owned()));
        }
        Ok(())
    }

    /// DataFusion's own rules, without those for what no plan of ours has, each asking first.
    pub(crate) fn optimizer_rules(&self) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
        let wrap = |rule| Arc::new(Asking { rule, interrupt: self.clone() }) as _;
        let rules = Optimizer::new().rules.into_iter();
        rules.filter(|rule| !NEVER_APPLY.contains(&rule.name())).map(wrap).collect()
    }
}

/// Rules for sub-queries in expressions, for lateral joins and cross joins, for joins with their condition in a
/// filter, for aggregates of distinct values (ours count them themselves), and for what a setting of ours turns off.
/// Each costs a walk over the plan.
const NEVER_APPLY: [&str; 11] = [
    "extract_equijoin_predicate",
    "eliminate_cross_join",
    "filter_null_join_keys",
    "single_distinct_aggregation_to_group_by",
    "rewrite_set_comparison",
    "unions_to_filter",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "decorrelate_lateral_join",
    "extract_leaf_expressions",
    "push_down_leaf_projections",
];

/// The rule that computes once what a node computes twice. It is asked only when something is.
const COMMON_EXPRESSIONS: &str = "common_sub_expression_eliminate";

#[derive(Debug)]
struct Asking {
    rule: Arc<dyn OptimizerRule + Send + Sync>,
    interrupt: Interrupt,
}

impl OptimizerRule for Asking {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>, DataFusionError> {
        self.interrupt.check()?;
        if self.rule.name() == COMMON_EXPRESSIONS && !repeats::any(&plan)? {
            return Ok(Transformed::no(plan));
        }
        self.rule.rewrite(plan, config)
    }
}

/// Makes operators that multiply rows give way now and then, so that an aborted query stops.
#[derive(Debug)]
pub(crate) struct GiveWay(pub Interrupt);

impl GiveWay {
    /// A hash join whose own filter drops what it joins gives no batch for as long as it finds nothing (55.2), and
    /// so never comes to a place where it gives way. Its filter asks instead.
    fn asking_join(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &Arc<ConfigOptions>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>, DataFusionError> {
        let Some(join) = plan.downcast_ref::<HashJoinExec>() else { return Ok(None) };
        let Some(filter) = join.filter() else { return Ok(None) };
        let passed =
            PassedOn { interrupt: self.0.clone(), signature: Signature::any(1, Volatility::Volatile) };
        let function = Arc::new(ScalarUDF::new_from_impl(passed));
        let args = vec![Arc::clone(filter.expression())];
        let asking = ScalarFunctionExpr::try_new(function, args, filter.schema(), Arc::clone(config))?;
        let columns = filter.column_indices().to_vec();
        let filter = JoinFilter::new(Arc::new(asking), columns, Arc::clone(filter.schema()));
        Ok(Some(Arc::new(join.builder().with_filter(Some(filter)).build()?)))
    }
}

/// Gives its argument back while somebody waits for the query.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PassedOn {
    interrupt: Interrupt,
    signature: Signature,
}

impl ScalarUDFImpl for PassedOn {
    fn name(&self) -> &str {
        "passed_on"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(args[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef, DataFusionError> {
        Ok(Arc::clone(&args.arg_fields[0]))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        self.interrupt.check()?;
        Ok(args.args[0].clone())
    }
}

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let config = Arc::new(config.clone());
        let wrapped = plan.transform_up(|plan| {
            let plan = self.asking_join(&plan, &config)?.unwrap_or(plan);
            let multiplies = plan.name().contains("Join") || plan.name() == "UnnestExec";
            Ok(if multiplies {
                Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(plan)
            })
        });
        wrapped.map(|done| done.data)
    }

    fn name(&self) -> &str {
        "give_way"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_left_out_exist() {
        let left = Interrupt::default().optimizer_rules();
        assert_eq!(left.len() + NEVER_APPLY.len(), Optimizer::new().rules.len());
        assert!(left.iter().any(|rule| rule.name() == COMMON_EXPRESSIONS));
    }
}
