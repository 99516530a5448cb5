//! Stopping a query that is still being planned.
//!
//! A running query stops at its next `await` when its task is aborted. Planning has none, so it asks: between
//! relations while lowering, and before each step of DataFusion's optimizer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::tree_node::Transformed;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};

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

impl Interrupt {
    /// An error once nobody waits any more; nobody sees it either.
    pub(crate) fn check(&self) -> Result<(), DataFusionError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("interrupted".to_owned()));
        }
        Ok(())
    }

    /// DataFusion's own rules, each asking first.
    pub(crate) fn optimizer_rules(&self) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
        let wrap = |rule| Arc::new(Asking { rule, interrupt: self.clone() }) as _;
        Optimizer::new().rules.into_iter().map(wrap).collect()
    }
}

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
        self.rule.rewrite(plan, config)
    }
}
