//! Accounts for programs.

use bartizan_base::{ResourceId, Ticks, Timespan};
use bartizan_records::{NewSecret, Principal, PrincipalKind, Records, RecordsError, SecretKind};
use serde_json::json;
use uuid::Uuid;

use crate::access::{find_role, random_secret};
use crate::app::Home;
use crate::boot::assign_role;

/// Client secrets end after a year, as Azure's do by default.
const SECRET_SECONDS: i64 = 365 * 86_400;

/// A new service principal. The secret is shown here and never again.
#[derive(Clone)]
pub struct Created {
    pub app_id: Uuid,
    pub object_id: Uuid,
    pub secret: String,
    pub expires: Ticks,
}

/// Creates a service principal with a built-in role (by name or id) at `scope`.
///
/// # Errors
/// [`RecordsError::Missing`] when there is no such role, or when the records cannot be written.
pub async fn create(
    records: &Records,
    home: &Home,
    name: &str,
    role: &str,
    scope: &ResourceId,
) -> Result<Created, RecordsError> {
    if find_role(role).is_none() {
        return Err(RecordsError::Missing(format!("role {role}")));
    }
    let now = records.now();
    let expires = now + Timespan::from_seconds(SECRET_SECONDS);
    let (app_id, object_id, secret) = (Uuid::new_v4(), Uuid::new_v4(), random_secret());
    let principal = Principal {
        object_id,
        app_id: Some(app_id),
        name: name.to_owned(),
        kind: PrincipalKind::ServicePrincipal,
        created: now,
        disabled: false,
        tokens_from: bartizan_base::Ticks(0),
    };
    records.put_principal(&principal).await?;
    let stored = NewSecret {
        kind: SecretKind::ClientSecret,
        subject: object_id.to_string(),
        data: json!({}),
        expires,
        uses: None,
    };
    records.put_secret(&secret, stored).await?;
    assign_role(records, home, object_id, role, scope, PrincipalKind::ServicePrincipal).await?;
    Ok(Created { app_id, object_id, secret, expires })
}
