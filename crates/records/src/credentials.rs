//! Passwords and second factors of people, and how often they were got wrong.

use bartizan_base::Ticks;
use uuid::Uuid;

use crate::database::Records;
use crate::error::RecordsError;

/// What a person signs in with. Has no `Debug`, so that it cannot end up in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// An Argon2id hash with its parameters, as `argon2` writes it.
    pub password: String,
    /// The shared secret of time-based codes, base32; empty when there is no second factor.
    pub totp: String,
    /// The time step of the last code that was taken.
    pub totp_step: i64,
    /// Wrong attempts in a row.
    pub failures: u32,
    /// Until when nothing is tried.
    pub locked_until: Ticks,
}

/// Row of `credentials`: password, totp, totp_step, failures, locked_until.
type Row = (String, String, i64, i64, i64);

impl Records {
    /// What `object_id` signs in with; `None` for who has no password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credential(&self, object_id: Uuid) -> Result<Option<Credential>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT password, totp, totp_step, failures, locked_until FROM credentials WHERE object_id = $1",
        )
        .bind(object_id.to_string())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(password, totp, totp_step, failures, locked_until)| Credential {
            password,
            totp,
            totp_step,
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
            locked_until: Ticks(locked_until),
        }))
    }

    /// Sets a password; wrong attempts are forgotten, the second factor stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password(&self, object_id: Uuid, hash: &str) -> Result<(), RecordsError> {
        self.write(
            sqlx::query(
                "INSERT INTO credentials (object_id, password) VALUES ($1, $2)
             ON CONFLICT (object_id) DO UPDATE SET password = $2, failures = 0, locked_until = 0",
            )
            .bind(object_id.to_string())
            .bind(hash),
        )
        .await?;
        Ok(())
    }

    /// Sets the secret of the second factor, empty to have none; `false` when there is no password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_totp(&self, object_id: Uuid, secret: &str) -> Result<bool, RecordsError> {
        let done = self
            .write(
                sqlx::query("UPDATE credentials SET totp = $2, totp_step = 0 WHERE object_id = $1")
                    .bind(object_id.to_string())
                    .bind(secret),
            )
            .await?;
        Ok(done > 0)
    }

    /// Counts a wrong attempt; from the `limit`th in a row on, nothing is tried until `until`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_failed(
        &self,
        object_id: Uuid,
        limit: u32,
        until: Ticks,
    ) -> Result<(), RecordsError> {
        self.write(
            sqlx::query(
                "UPDATE credentials SET failures = failures + 1,
                 locked_until = CASE WHEN failures + 1 >= $2 THEN $3 ELSE locked_until END
             WHERE object_id = $1",
            )
            .bind(object_id.to_string())
            .bind(i64::from(limit))
            .bind(until.0),
        )
        .await?;
        Ok(())
    }

    /// Forgets wrong attempts, and takes the time step of a code unless that one or a later one was taken
    /// before: then `false`, because somebody shows the code a second time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_succeeded(&self, object_id: Uuid, step: Option<i64>) -> Result<bool, RecordsError> {
        let done = self.write(sqlx::query(
            "UPDATE credentials SET failures = 0, locked_until = 0, totp_step = coalesce($2, totp_step)
             WHERE object_id = $1 AND ($2 IS NULL OR totp_step < $2)",
        )
        .bind(object_id.to_string())
        .bind(step)).await?;
        Ok(done > 0)
    }
}
