//! Work that only one of several servers on the same database may do at a time.

use bartizan_base::{Ticks, Timespan};

use crate::database::Records;
use crate::error::RecordsError;

impl Records {
    /// Takes or keeps the lease `name` for this process, for `time` from now; `false` while another one has it.
    ///
    /// Ends are compared with this server's clock: clocks that differ by more than the time that a holder
    /// leaves between two calls may let two servers believe that they hold it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold_lease(&self, name: &str, time: Timespan) -> Result<bool, RecordsError> {
        let now = self.clock.now();
        let done = self
            .write(
                sqlx::query(
                    "INSERT INTO leases (name, holder, ends) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = $2, ends = $3
             WHERE leases.holder = $2 OR leases.ends <= $4",
                )
                .bind(name)
                .bind(self.origin.to_string())
                .bind((now + time).0)
                .bind(now.0),
            )
            .await?;
        Ok(done > 0)
    }

    /// Gives the lease back, so that the next one need not wait for its end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_lease(&self, name: &str) -> Result<(), RecordsError> {
        self.write(
            sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2")
                .bind(name)
                .bind(self.origin.to_string()),
        )
        .await?;
        Ok(())
    }

    /// When the lease `name` ends, whoever has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_end(&self, name: &str) -> Result<Option<Ticks>, RecordsError> {
        let ends: Option<i64> = sqlx::query_scalar("SELECT ends FROM leases WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        Ok(ends.map(Ticks))
    }
}
