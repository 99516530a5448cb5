//! Who can sign in: the owner, other users, service principals. What they may do is said by role
//! assignments, which are resources.

use std::collections::HashMap;

use bartizan_base::Ticks;
use uuid::Uuid;

use crate::database::Records;
use crate::error::RecordsError;

/// A user or a service principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub object_id: Uuid,
    /// The `client_id` of a service principal.
    pub app_id: Option<Uuid>,
    pub name: String,
    pub kind: PrincipalKind,
    pub created: Ticks,
    /// Nothing opens for a disabled account.
    pub disabled: bool,
    /// Access tokens made before this moment are refused.
    pub tokens_from: Ticks,
}

/// What kind of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    User,
    ServicePrincipal,
}

impl PrincipalKind {
    /// The name ARM uses for `principalType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

/// Row of `principals`, object_id, app_id, name, kind, created, disabled, tokens_from.
type Row = (String, Option<String>, String, String, i64, i64, i64);

/// The generation of access, and a row of `principals` if there is one.
type LookedUp = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

fn from_row(
    (object_id, app_id, name, kind, created, disabled, tokens_from): Row,
) -> Result<Principal, RecordsError> {
    let damaged = || RecordsError::Damaged(format!("principal {object_id}"));
    Ok(Principal {
        object_id: Uuid::parse_str(&object_id).map_err(|_| damaged())?,
        app_id: app_id.map(|id| Uuid::parse_str(&id)).transpose().map_err(|_| damaged())?,
        name,
        kind: if kind == PrincipalKind::User.name() {
            PrincipalKind::User
        } else {
            PrincipalKind::ServicePrincipal
        },
        created: Ticks(created),
        disabled: disabled != 0,
        tokens_from: Ticks(tokens_from),
    })
}

impl Records {
    /// Adds or renames a principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_principal(&self, principal: &Principal) -> Result<(), RecordsError> {
        self.write(
            sqlx::query(
                "INSERT INTO principals (object_id, app_id, name, kind, created, disabled, tokens_from)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (object_id) DO UPDATE SET app_id = $2, name = $3, disabled = $6, tokens_from = $7",
            )
            .bind(principal.object_id.to_string())
            .bind(principal.app_id.map(|id| id.to_string()))
            .bind(&principal.name)
            .bind(principal.kind.name())
            .bind(principal.created.0)
            .bind(i64::from(principal.disabled))
            .bind(principal.tokens_from.0),
        )
        .await?;
        Ok(())
    }

    /// The principal with this object id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal(&self, object_id: Uuid) -> Result<Option<Principal>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT object_id, app_id, name, kind, created, disabled, tokens_from FROM principals WHERE object_id = $1",
        )
        .bind(object_id.to_string())
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// The principal with this object id, and of which generation access is, by one look at the database: what
    /// every request asks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal_and_access(
        &self,
        object_id: Uuid,
    ) -> Result<(Option<Principal>, i64), RecordsError> {
        let found = self.asked.principals.ask(object_id, |asked| self.principals_and_access(asked)).await?;
        match found {
            Some(found) => Ok(found),
            None => self.look_up(object_id).await,
        }
    }

    /// [`Self::principal_and_access`] of each of `asked`, in their order. Mostly they are one.
    async fn principals_and_access(
        &self,
        asked: Vec<Uuid>,
    ) -> Result<Vec<(Option<Principal>, i64)>, RecordsError> {
        let mut found: HashMap<Uuid, (Option<Principal>, i64)> = HashMap::new();
        for object_id in &asked {
            if !found.contains_key(object_id) {
                found.insert(*object_id, self.look_up(*object_id).await?);
            }
        }
        Ok(asked.iter().filter_map(|object_id| found.get(object_id).cloned()).collect())
    }

    async fn look_up(&self, object_id: Uuid) -> Result<(Option<Principal>, i64), RecordsError> {
        let (access, object_id, app_id, name, kind, created, disabled, tokens_from): LookedUp =
            sqlx::query_as(
                "SELECT g.value, p.object_id, p.app_id, p.name, p.kind, p.created, p.disabled, p.tokens_from
             FROM generations g LEFT JOIN principals p ON p.object_id = $1 WHERE g.name = 'access'",
            )
            .bind(object_id.to_string())
            .fetch_one(&self.pool)
            .await?;
        let row = (|| Some((object_id?, app_id, name?, kind?, created?, disabled?, tokens_from?)))();
        Ok((row.map(from_row).transpose()?, access))
    }

    /// The service principal with this `client_id`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal_by_app(&self, app_id: Uuid) -> Result<Option<Principal>, RecordsError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT object_id, app_id, name, kind, created, disabled, tokens_from FROM principals WHERE app_id = $1")
                .bind(app_id.to_string())
                .fetch_optional(&self.pool)
                .await?;
        row.map(from_row).transpose()
    }

    /// Removes a principal with its password and everything that opens a door for it; `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_principal(&self, object_id: Uuid) -> Result<bool, RecordsError> {
        let mut tx = self.begin().await?;
        let id = object_id.to_string();
        let done =
            sqlx::query("DELETE FROM principals WHERE object_id = $1").bind(&id).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM credentials WHERE object_id = $1").bind(&id).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM secrets WHERE subject = $1").bind(&id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// The user with this name, in any case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<Principal>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT object_id, app_id, name, kind, created, disabled, tokens_from FROM principals
             WHERE kind = 'User' AND lower(name) = lower($1)",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// All principals, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principals(&self) -> Result<Vec<Principal>, RecordsError> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT object_id, app_id, name, kind, created, disabled, tokens_from FROM principals ORDER BY name")
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(from_row).collect()
    }
}
