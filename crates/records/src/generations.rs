//! How often what decides access or policy has changed, so that a copy in memory knows when it is old.
//!
//! The database counts by triggers, so changes that another program makes (the command line) count too.

use crate::database::Records;
use crate::error::RecordsError;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Role assignments, role definitions, locks, management groups, subscriptions.
    Access,
    /// Policy assignments, definitions, initiatives and exemptions, management groups, subscriptions.
    Policy,
}

impl Generation {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Policy => "policy",
        }
    }
}

impl Records {
    /// A number that is greater after every committed change of `what`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn generation(&self, what: Generation) -> Result<i64, RecordsError> {
        Ok(sqlx::query_scalar("SELECT value FROM generations WHERE name = $1")
            .bind(what.name())
            .fetch_one(&self.pool)
            .await?)
    }
}
