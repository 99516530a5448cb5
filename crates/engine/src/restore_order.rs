//! Sorts that the optimizer lost, put back.
//!
//! DataFusion (55.2) moves a sort below a union and leaves it out of inputs where the column is constant, as
//! it is in a table that lacks it; then it does not believe that the union is in order, and refuses its own
//! plan. What it asks for is added here, just before it looks.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _};

use crate::unordered::EnsurePartitions;

/// The rule that refuses.
const LAST_CHECK: &str = "SanityCheckPlan";

/// A rule that DataFusion has twice (55.2). What its first pass does the second one does as well, and what is between
/// them does not depend on it.
const TWICE: &str = "ProjectionPushdown";

/// The rule in whose place [`EnsurePartitions`] is.
const DIVIDES_AND_SORTS: &str = "EnsureRequirements";

/// DataFusion's own rules, with [`RestoreOrder`] before the last check.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let twice: Vec<usize> = (0..rules.len()).filter(|at| rules[*at].name() == TWICE).collect();
    if let [first, _] = twice[..] {
        rules.remove(first);
    }
    for rule in rules.iter_mut().filter(|rule| rule.name() == DIVIDES_AND_SORTS) {
        *rule = Arc::new(EnsurePartitions::default());
    }
    let at = rules.iter().position(|rule| rule.name() == LAST_CHECK).unwrap_or(rules.len());
    rules.insert(at, Arc::new(RestoreOrder));
    rules
}

/// Sorts each input that is not in the order its operator needs.
#[derive(Debug)]
struct RestoreOrder;

impl PhysicalOptimizerRule for RestoreOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        plan.transform_up(restore).map(|done| done.data)
    }

    fn name(&self) -> &str {
        "restore_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn restore(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>, DataFusionError> {
    let mut changed = false;
    let mut children = Vec::new();
    for (child, required) in plan.children().into_iter().zip(plan.required_input_ordering()) {
        let child = Arc::clone(child);
        let Some(required) = required.map(|required| required.into_single()) else {
            children.push(child);
            continue;
        };
        if child.equivalence_properties().ordering_satisfy_requirement(required.clone())? {
            children.push(child);
            continue;
        }
        changed = true;
        let by = LexOrdering::from(required);
        children.push(Arc::new(SortExec::new(by, child).with_preserve_partitioning(true)));
    }
    if !changed {
        return Ok(Transformed::no(plan));
    }
    Ok(Transformed::yes(replace_children_if_necessary(plan, children)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_is_there_twice_is_there_once() {
        let count = |rules: &[Arc<dyn PhysicalOptimizerRule + Send + Sync>]| {
            rules.iter().filter(|rule| rule.name() == TWICE).count()
        };
        assert_eq!((count(&PhysicalOptimizer::new().rules), count(&physical_rules())), (2, 1));
    }

    #[test]
    fn the_rule_that_is_cut_short_is_there() {
        let theirs = PhysicalOptimizer::new().rules;
        assert_eq!(theirs.iter().filter(|rule| rule.name() == DIVIDES_AND_SORTS).count(), 1);
    }
}
