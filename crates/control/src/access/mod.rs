//! Who may do what: callers, tokens, sessions, roles.

mod caller;
mod decide;
mod hierarchy;
mod keys;
mod locks;
mod map;
mod permissions;
mod roles;
mod secrets;
mod throttle;
mod tokens;

pub(crate) use caller::{Caller, CallerKind, agent_beside, bearer, caller_of, session_cookie};
pub use caller::{PeerAddress, SESSION_COOKIE};
pub(crate) use decide::{ASSIGNMENT_TYPE as ROLE_ASSIGNMENT_TYPE, ROLE_TYPE, azure_action};
pub(crate) use hierarchy::{ENABLED, GROUP_TYPE, PLACE, SUBSCRIPTION_TYPE, group_segment, is_group};
pub use hierarchy::{Group, Hierarchy, Subscription};
pub(crate) use keys::KeyCaller;
pub(crate) use locks::{CAN_NOT_DELETE, LOCK_TYPE, Lock, READ_ONLY};
pub(crate) use map::{AccessMap, Held};
pub use permissions::Permissions;
pub use roles::{ROLES, Role, find_role};
pub use secrets::random_secret;
pub(crate) use throttle::Throttle;
pub use tokens::{Issuer, KeyError};
pub(crate) use tokens::{SIGNED_SECONDS, TOKEN_SECONDS};
