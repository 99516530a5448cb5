//! From DataFusion's logical plan to one that runs.

use std::fmt;
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::physical_plan::{ExecutionPlan, displayable};

/// How a result of a query would be worked out. As text, an operator to a line, those it reads from below it.
#[derive(Clone, Debug)]
pub struct QueryPlan(pub(crate) Arc<dyn ExecutionPlan>);

impl fmt::Display for QueryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", displayable(self.0.as_ref()).indent(false))
    }
}

/// DataFusion's own rules (55.2), but for the one for GROUPING SETS, which no plan of ours has.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![Arc::new(TypeCoercion::new())]
}

/// What `SessionState::create_physical_plan` does, with a plan that nobody else holds: the optimizer rewrites the nodes
/// of such a plan where they are, and copies those of one that is only lent to it.
pub(crate) async fn physical(plan: LogicalPlan, state: &SessionState) -> Result<Arc<dyn ExecutionPlan>> {
    // without the analyzer's own checks of the plan: the optimizer begins with the same ones
    let rules = &state.analyzer().rules;
    let plan = rules.iter().try_fold(plan, |plan, rule| rule.analyze(plan, state.config_options()))?;
    let plan = state.optimizer().optimize(plan, state, |_, _| {})?;
    state.query_planner().create_physical_plan(&plan, state).await
}

#[cfg(test)]
mod tests {
    use datafusion::optimizer::Analyzer;

    use super::*;

    #[test]
    fn only_one_rule_is_left_out() {
        let names = |rules: &[Arc<dyn AnalyzerRule + Send + Sync>]| {
            rules.iter().map(|rule| rule.name().to_owned()).collect::<Vec<_>>()
        };
        let mut theirs = names(&Analyzer::new().rules);
        theirs.retain(|name| name != "resolve_grouping_function");
        assert_eq!((names(&analyzer_rules()), Analyzer::new().rules.len()), (theirs, 2));
    }
}
