//! DataFusion's rule that divides rows among partitions and sorts them, cut short where nothing is sorted.
//!
//! The rule (`EnsureRequirements`, 55.2) walks a plan seven times, and all but the first two walks are about sorts. A
//! plan without any stays as it is in them, and most plans of rules have none.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::ensure_requirements::enforce_distribution::{
    DistributionContext, PlanWithKeyRequirements, adjust_input_keys_ordering, ensure_distribution,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

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
        let keys = PlanWithKeyRequirements::new_default(Arc::clone(&plan));
        let keyed = keys.transform_down(adjust_input_keys_ordering)?.data.plan;
        let context = DistributionContext::new_default(keyed);
        let divided = context.transform_up(|context| ensure_distribution(context, config))?.data.plan;
        // dividing rows has made something that the other steps are there for
        if has_order(&divided)? { self.whole.optimize(plan, config) } else { Ok(divided) }
    }

    fn name(&self) -> &str {
        self.whole.name()
    }

    fn schema_check(&self) -> bool {
        self.whole.schema_check()
    }
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
