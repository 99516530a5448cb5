//! Locks: what nobody may delete or change, whatever their role, until the lock is taken away.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::Value;

use crate::access::map::AccessMap;
use crate::app::App;
use crate::http::Failure;

/// The type of a lock. It hangs on the scope that it locks.
pub(crate) const LOCK_TYPE: &str = "Microsoft.Authorization/locks";
/// Keeps a scope from being deleted.
pub(crate) const CAN_NOT_DELETE: &str = "CanNotDelete";
/// Keeps a scope from being changed, and so from being deleted.
pub(crate) const READ_ONLY: &str = "ReadOnly";

/// Operations that no lock stops: taking locks away, and what concerns no resource.
const EXEMPT: [&str; 2] = ["microsoft.authorization/locks/", "microsoft.authorization/users/"];

/// A lock and the scope it hangs on.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) at: ResourceId,
    pub(crate) name: String,
    pub(super) level: String,
}

impl Lock {
    /// Reads a lock resource.
    pub(super) fn read(resource: &Resource) -> Option<Self> {
        let level = resource.property("level").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self { at: resource.id.parent()?, name: resource.id.name().to_owned(), level })
    }
}

impl AccessMap {
    /// The lock that forbids `action` upon `scope`: one there, above it, or (for deleting) below it.
    pub(crate) fn lock(&self, action: &str, scope: &ResourceId) -> Option<&Lock> {
        let action = action.to_ascii_lowercase();
        if action.ends_with("/read") || EXEMPT.iter().any(|prefix| action.starts_with(prefix)) {
            return None;
        }
        let deletes = action.ends_with("/delete");
        self.locks.iter().find(|Lock { at, level, .. }| {
            let covers = scope.is_within(at) && (deletes || level == READ_ONLY);
            // Deleting takes everything below along.
            covers || deletes && at.is_within(scope)
        })
    }

    /// The error of `action` upon `scope` when a lock forbids it.
    pub(crate) fn locked(&self, action: &str, scope: &ResourceId) -> Option<ApiError> {
        let Lock { at, name, level } = self.lock(action, scope)?;
        Some(ApiError::coded(
            ErrorKind::Conflict,
            "ScopeLocked",
            format!(
                "The scope '{scope}' cannot perform this operation because the following scope is locked: '{at}' \
                 ({level}, lock '{name}'). Remove the lock and try again."
            ),
        ))
    }
}

impl App {
    /// Refuses `action` upon `scope` when a lock forbids it.
    pub(crate) async fn check_locks(&self, action: &str, scope: &ResourceId) -> Result<(), Failure> {
        let locked = self.access_map().await?.locked(action, scope);
        locked.map_or(Ok(()), |error| Err(Failure(error)))
    }
}
