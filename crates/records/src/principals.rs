//! Who can sign in: the owner, other users, service principals. What they may do is said by role
//! assignments, which are resources.

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

/// Row of `principals`: object_id, app_id, name, kind, created.
type Row = (String, Option<String>, String, String, i64);

fn from_row((object_id, app_id, name, kind, created): Row) -> Result<Principal, RecordsError> {
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
    })
}

impl Records {
    /// Adds or renames a principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_principal(&self, principal: &Principal) -> Result<(), RecordsError> {
        sqlx::query(
            "INSERT INTO principals (object_id, app_id, name, kind, created) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (object_id) DO UPDATE SET app_id = ?2, name = ?3",
        )
        .bind(principal.object_id.to_string())
        .bind(principal.app_id.map(|id| id.to_string()))
        .bind(&principal.name)
        .bind(principal.kind.name())
        .bind(principal.created.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The principal with this object id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal(&self, object_id: Uuid) -> Result<Option<Principal>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT object_id, app_id, name, kind, created FROM principals WHERE object_id = ?1",
        )
        .bind(object_id.to_string())
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// The service principal with this `client_id`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal_by_app(&self, app_id: Uuid) -> Result<Option<Principal>, RecordsError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT object_id, app_id, name, kind, created FROM principals WHERE app_id = ?1")
                .bind(app_id.to_string())
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
            sqlx::query_as("SELECT object_id, app_id, name, kind, created FROM principals ORDER BY name")
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(from_row).collect()
    }
}
