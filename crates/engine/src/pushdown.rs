//! DataFusion's pushing of filters towards the scan, kept from computing twice what must be computed once.
//!
//! Its rule puts a filter below a projection by replacing columns with their expressions, and asks only
//! before that whether the filter is volatile (55.2). `extend r = rand() | where r > 0.5` would then keep rows by
//! one random number and show another. And captures of `parse`, which are declared volatile because they
//! cost so much, would be computed for the filter and again for the projection.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// `rules`, with those that push filters fenced in: the plain one, and the later one for filters that operators
/// make as they run.
pub(crate) fn fenced(mut rules: Vec<Rule>) -> Vec<Rule> {
    let pushing = [FilterPushdown::new(), FilterPushdown::new_post_optimization()];
    for rule in rules.iter_mut().filter(|rule| pushing.iter().any(|push| push.name() == rule.name())) {
        *rule = Arc::new(Fenced(Arc::clone(rule)));
    }
    rules
}

#[derive(Debug)]
struct Fenced(Rule);

impl PhysicalOptimizerRule for Fenced {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fenced = plan.transform_up(|plan| {
            let volatile =
                |projection: &ProjectionExec| projection.expr().iter().any(|item| is_volatile(&item.expr));
            if !plan.downcast_ref::<ProjectionExec>().is_some_and(volatile) {
                return Ok(Transformed::no(plan));
            }
            let fence: Arc<dyn ExecutionPlan> = Arc::new(Fence { input: plan });
            Ok(Transformed::yes(fence))
        })?;
        let any = fenced.transformed;
        let pushed = self.0.optimize(fenced.data, config)?;
        if !any {
            return Ok(pushed);
        }
        let freed = pushed.transform_down(|plan| {
            Ok(match plan.downcast_ref::<Fence>() {
                Some(fence) => Transformed::yes(Arc::clone(&fence.input)),
                None => Transformed::no(plan),
            })
        });
        freed.map(|done| done.data)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Stands above a projection while filters are pushed, and lets none through: a plan that does not say how
/// filters pass it keeps them above. It is gone before anything runs.
#[derive(Debug)]
struct Fence {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Fence {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fence")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &str {
        "Fence"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self { input })),
            _ => internal_err!("a fence has one input"),
        }
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a fence was left in a plan")
    }
}
