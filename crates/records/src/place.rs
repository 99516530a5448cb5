//! Where records are kept.

use std::fmt;
use std::path::Path;

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::error::RecordsError;

/// Which database answers. Both take the same statements; what differs is said where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sql {
    Sqlite,
    Postgres,
}

/// `postgres://user:password@host/database`, with its secrets. Shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> Result<Self, RecordsError> {
        let text = text.trim();
        let refused = |reason: &str| RecordsError::Place(reason.to_owned());
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or_else(|| refused("it does not begin with `postgres://`"))?;
        let (_, path) = rest.split_once('/').ok_or_else(|| refused("it names no database after the host"))?;
        if path.split('?').next().is_none_or(str::is_empty) {
            return Err(refused("it names no database after the host"));
        }
        if text.chars().any(char::is_whitespace) {
            return Err(refused("it has a space or a second line in it"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address in a file, which only its owner may read: there is a password in it.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or holds no such address.
    pub fn read(path: &Path) -> Result<Self, RecordsError> {
        use std::os::unix::fs::PermissionsExt;
        let refused = |reason: String| RecordsError::Place(format!("`{}`: {reason}", path.display()));
        let mode = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(refused("others may read it; run `chmod 600` on it".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        Self::parse(&text).map_err(|error| refused(error.to_string()))
    }

    /// The whole address, to be written into a file that only its owner may read.
    pub fn with_secrets(&self) -> &str {
        &self.0
    }

    /// Makes a database with a new name on the same server, for tests that want one of their own.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn new_database(&self) -> Result<Self, RecordsError> {
        let name = format!("bartizan_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&self.0).await?;
        connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        connection.close().await?;
        let (place, options) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let (before, _) = place.rsplit_once('/').ok_or_else(|| RecordsError::Place("no path".to_owned()))?;
        Self::parse(&format!("{before}/{name}?{options}"))
    }

    /// Host and database, without who and the password.
    pub fn shown(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.split('?').next().unwrap_or_default();
        rest.rsplit_once('@').map_or(rest, |(_, place)| place)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_no_secret() {
        let url = PostgresUrl::parse("postgres://bartizan:p%40ss@db.example/control?sslmode=verify-full\n")
            .unwrap();
        assert_eq!(url.shown(), "db.example/control");
        assert_eq!(format!("{url:?}"), "PostgresUrl(db.example/control)");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, reason) in [
            ("mysql://h/d", "does not begin"),
            ("postgres://h", "names no database"),
            ("postgres://h/?a=b", "names no database"),
            ("postgres://h/a b", "space"),
        ] {
            let error = PostgresUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
