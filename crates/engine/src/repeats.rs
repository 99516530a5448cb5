//! Whether a plan computes anything twice in one place.
//!
//! DataFusion's rule for common sub-expressions (55.2) names and hashes every expression of a plan to find that out,
//! which is a tenth of all planning, and most plans have none. The question is answered here by one number for
//! each expression. Two that are equal have the same number; two that have the same number need not be equal, and
//! then the rule finds nothing.

use std::hash::BuildHasher as _;
use std::mem::discriminant;

use datafusion::common::Result;
use datafusion::common::hash_utils::QualityRandomState;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Whether some expression may occur twice in one node of a plan.
pub(crate) fn any(plan: &LogicalPlan) -> Result<bool> {
    // Who makes expressions whose numbers collide gets a rule that finds nothing.
    let mut seen = Seen { hashes: QualityRandomState::with_seed(0), open: Vec::new(), numbers: Vec::new() };
    let mut found = false;
    plan.apply(|node| {
        found = match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Aggregate(_) => seen.repeats_in(node)?,
            // several of them are looked at together
            LogicalPlan::Window(_) => true,
            _ => false,
        };
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

struct Seen {
    hashes: QualityRandomState,
    /// The sum of the numbers of what is directly inside each expression that is being visited.
    open: Vec<u64>,
    /// Numbers of the expressions of one node.
    numbers: Vec<u64>,
}

impl Seen {
    fn repeats_in(&mut self, node: &LogicalPlan) -> Result<bool> {
        self.numbers.clear();
        node.apply_expressions(|expr| expr.visit(self))?;
        self.numbers.sort_unstable();
        Ok(self.numbers.windows(2).any(|pair| pair[0] == pair[1]))
    }

    /// What an expression is, but for what is inside it.
    fn kind(&self, expr: &Expr) -> u64 {
        match expr {
            Expr::Column(column) => self.hashes.hash_one(&column.name),
            Expr::Literal(value, _) => self.hashes.hash_one(value),
            Expr::ScalarFunction(call) => self.hashes.hash_one(call.func.name()),
            Expr::AggregateFunction(call) => self.hashes.hash_one(call.func.name()),
            Expr::BinaryExpr(binary) => self.hashes.hash_one(binary.op),
            other => self.hashes.hash_one(discriminant(other)),
        }
    }
}

impl TreeNodeVisitor<'_> for Seen {
    type Node = Expr;

    fn f_down(&mut self, _: &Expr) -> Result<TreeNodeRecursion> {
        self.open.push(0);
        Ok(TreeNodeRecursion::Continue)
    }

    fn f_up(&mut self, expr: &Expr) -> Result<TreeNodeRecursion> {
        // A sum, because the rule takes `a + b` and `b + a` for one.
        let inside = self.open.pop().unwrap_or_default();
        let number = self.hashes.hash_one((self.kind(expr), inside));
        if let Some(around) = self.open.last_mut() {
            *around = around.wrapping_add(number);
        }
        // what the rule leaves where it is
        if !matches!(expr, Expr::Column(_) | Expr::Literal(..) | Expr::Alias(_)) {
            self.numbers.push(number);
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::functions_aggregate::first_last::first_value_udaf;
    use datafusion::logical_expr::{LogicalPlanBuilder, case, col, lit};

    use super::*;

    fn values() -> LogicalPlanBuilder {
        let rows = vec![vec![lit(1_i64), lit(2_i64)]];
        LogicalPlanBuilder::values(rows)
            .unwrap()
            .project(vec![col("column1").alias("a"), col("column2").alias("b")])
            .unwrap()
    }

    fn repeats(items: Vec<Expr>) -> bool {
        any(&values().project(items).unwrap().build().unwrap()).unwrap()
    }

    #[test]
    fn what_occurs_twice_is_found_however_deep() {
        assert!(!repeats(vec![col("a"), col("a").alias("c"), lit(1_i64).alias("d"), lit(1_i64).alias("e")]));
        assert!(!repeats(vec![(col("a") + col("b")).alias("x"), (col("a") - col("b")).alias("y")]));
        assert!(!repeats(vec![(col("a") + lit(1_i64)).alias("x"), (col("a") + lit(2_i64)).alias("y")]));
        assert!(repeats(vec![(col("a") + col("b")).alias("x"), (col("b") + col("a")).alias("y")]));
        assert!(repeats(vec![((col("a") + lit(1_i64)) * (col("a") + lit(1_i64))).alias("x")]));
        let inside = case(col("a")).when(lit(1_i64), col("b") * lit(3_i64)).end().unwrap();
        assert!(repeats(vec![inside.alias("x"), (col("b") * lit(3_i64)).alias("y")]));
    }

    #[test]
    fn each_node_is_looked_at_by_itself() {
        let sum = || col("a") + col("b");
        let filtered = values().filter(sum().gt(lit(0_i64))).unwrap();
        let plan = filtered.project(vec![sum().alias("x")]).unwrap().build().unwrap();
        assert!(!any(&plan).unwrap());
        let first = || first_value_udaf().call(vec![sum()]);
        let grouped = |calls: Vec<Expr>| values().aggregate(vec![col("a")], calls).unwrap().build().unwrap();
        assert!(!any(&grouped(vec![first()])).unwrap());
        assert!(any(&grouped(vec![first().alias("x"), first().alias("y")])).unwrap());
    }
}
