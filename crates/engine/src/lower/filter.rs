//! `where`.

use bartizan_kql::bound::{Rel, Scalar};

use super::{Context, Lowered};
use crate::error::QueryError;

impl Context {
    pub(super) fn filter(
        &self,
        input: &Rel,
        predicate: &Scalar,
        ordered: bool,
    ) -> Result<Lowered, QueryError> {
        let (plan, columns, order) = self.ordered_relation(input, ordered)?.builder();
        let predicate = self.predicate(predicate, &columns)?;
        Ok(Lowered { plan: plan.filter(predicate)?.build()?, columns, order })
    }
}
