//! Filters that operators make as they run, put to rows where the scan only prunes files and pages by them.
//!
//! A join knows, once it has read its smaller side, which keys can match; DataFusion (55.2) hands that to the scan of
//! the other side. Where the scan does not filter rows itself (`SessionConfig` of a query that groups says so), rows
//! that match nothing would be grouped first and dropped afterwards: millions of groups for a few thousand that count.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_expr::{conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::union::UnionExec;

/// Filters the rows of a scan, behind the query's own filter, by what operators above make.
#[derive(Debug)]
pub(crate) struct FilterAsMade;

impl PhysicalOptimizerRule for FilterAsMade {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if config.execution.parquet.pushdown_filters {
            return Ok(plan);
        }
        let done = plan.transform_down(|plan| {
            let below = plan.downcast_ref::<FilterExec>().map_or(&plan, FilterExec::input);
            let Some(scans) = scans(below) else { return Ok(Transformed::no(plan)) };
            let filters =
                scans.into_iter().map(|scan| made_for(scan, &plan.schema())).find(|made| !made.is_empty());
            // What is below has been looked at.
            let Some(filters) = filters else {
                return Ok(Transformed::new(plan, false, TreeNodeRecursion::Jump));
            };
            let filtered: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(conjunction(filters), plan)?);
            Ok(Transformed::new(filtered, true, TreeNodeRecursion::Jump))
        })?;
        Ok(done.data)
    }

    fn name(&self) -> &str {
        "filter_as_made"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The scans that a plan is: one, or those of a table's files and of its rows in memory.
fn scans(plan: &Arc<dyn ExecutionPlan>) -> Option<Vec<&Arc<dyn ExecutionPlan>>> {
    let scans = if plan.is::<UnionExec>() { plan.children() } else { vec![plan] };
    scans.iter().all(|scan| scan.is::<DataSourceExec>()).then_some(scans)
}

/// The filters that are made for a scan and can be put to rows of this schema.
fn made_for(scan: &Arc<dyn ExecutionPlan>, schema: &Schema) -> Vec<Arc<dyn PhysicalExpr>> {
    let source = scan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    let files = source.and_then(|source| source.downcast_ref::<FileScanConfig>());
    let Some(predicate) = files.and_then(|files| files.file_source().filter()) else { return Vec::new() };
    let made =
        split_conjunction(&predicate).into_iter().filter(|part| part.is::<DynamicFilterPhysicalExpr>());
    // One that reads a column which is not handed on cannot be put here, and prunes all the same.
    made.filter_map(|part| reassign_expr_columns(Arc::clone(part), schema).ok()).collect()
}
