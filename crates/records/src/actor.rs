//! Who does something.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The caller of a write, as `AzureActivity` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    pub name: String,
    pub object_id: Uuid,
    pub kind: ActorKind,
    pub ip: Option<String>,
}

/// What kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorKind {
    User,
    Application,
    Agent,
    /// The server itself: policy, posture, detection, housekeeping.
    System,
}

impl Actor {
    /// The server itself, acting as its component `name`.
    pub fn system(name: &str) -> Self {
        Self { name: name.to_owned(), object_id: Uuid::nil(), kind: ActorKind::System, ip: None }
    }
}

impl ActorKind {
    /// The name used in stored rows and in `AzureActivity`.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Application => "Application",
            Self::Agent => "Agent",
            Self::System => "System",
        }
    }
}
