//! Control-plane state: ARM resources, who changed them, agents, secrets and small settings.
//!
//! In one SQLite file, `control.db`, in write-ahead mode, or, by setting, in PostgreSQL, which several servers
//! may share. The statements are the same for both; only the schema is written twice. Everything that must be true together is written in one
//! transaction: a resource and the `AzureActivity` row that tells of its change, an agent and its
//! certificate's serial number. Secrets are kept as SHA-256 hashes only. Listeners hear of a change after it
//! is committed, never before.
//!
//! What is deliberately not here: access checks, validation of resource types, HTTP. Those are `control`'s.

#![forbid(unsafe_code)]

mod activity;
mod actor;
mod agents;
mod asked;
mod bulk;
mod changes;
mod copy;
mod credentials;
mod database;
mod derived;
mod error;
mod evidence;
mod families;
mod generations;
mod leases;
mod listing;
mod operations;
mod place;
mod policy_events;
mod principals;
mod resources;
mod secrets;
mod state;
mod together;
mod transfer;

pub use activity::{Activity, ActivityBatch};
pub use actor::{Actor, ActorKind};
pub use agents::Agent;
pub use bulk::BulkWrite;
pub use changes::Changes;
pub use credentials::Credential;
pub use database::Records;
pub use error::RecordsError;
pub use evidence::EVIDENCE_CHANGE_TYPE;
pub use families::{Edit, Family};
pub use generations::Generation;
pub use listing::{ListQuery, Page};
pub use operations::{Operation, OperationState, Work};
pub use place::PostgresUrl;
pub use policy_events::{NewPolicyEvent, PolicyEvent};
pub use principals::{Principal, PrincipalKind};
pub use resources::{Change, ChangeOp, Condition, Resource, Write, Written};
pub use secrets::{Exchange, NewSecret, Secret, SecretKind};
pub use together::Together;
