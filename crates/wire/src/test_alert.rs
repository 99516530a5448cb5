//! A test alert: one harmless process on a machine, followed hop by hop until it is an incident.

use bartizan_base::{ResourceId, Ticks};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of the command that makes an agent start the harmless process; its arguments are empty, and the
/// command's id is the test's.
pub const TEST_ALERT_COMMAND: &str = "testAlert";

/// The word in a command line that the shipped rule "Detection test" looks for. What stands behind it is free; a test
/// that is followed puts its id there, as 32 hex digits.
pub const TEST_ALERT_MARKER: &str = "bartizan-detection-test";

/// How far a test came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestAlertReport {
    pub id: Uuid,
    pub machine_id: ResourceId,
    pub requested: Ticks,
    /// Who asked for it: a person, a program or the machine itself.
    #[serde(default)]
    pub requested_by: String,
    pub state: TestAlertState,
    /// One sentence.
    #[serde(default)]
    pub summary: String,
    /// In the order in which they are passed.
    pub hops: Vec<TestHop>,
    /// The alert, once there is one.
    #[serde(default)]
    pub alert_id: Option<ResourceId>,
    /// The incident that it opened or joined.
    #[serde(default)]
    pub incident_id: Option<ResourceId>,
}

/// How a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestAlertState {
    Running,
    Succeeded,
    /// A hop broke; [`TestAlertReport::broken`] is it.
    Failed,
    #[serde(other)]
    Unknown,
}

/// One hop of the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestHop {
    /// `plan`, `agent`, `sensor`, `received`, `stored`, `rule`, `alert` or `incident`.
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    pub outcome: TestHopOutcome,
    /// When it was passed; absent when it was not, or when only a later hop proves that it was.
    #[serde(default)]
    pub time: Option<Ticks>,
    /// What was found.
    #[serde(default)]
    pub detail: String,
    /// What to do; empty unless it failed.
    #[serde(default)]
    pub fix: String,
}

/// How a hop came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestHopOutcome {
    Passed,
    /// The test is here.
    Waiting,
    Failed,
    /// One before it is not passed.
    NotReached,
    #[serde(other)]
    Unknown,
}

impl TestAlertReport {
    /// The hop that broke.
    pub fn broken(&self) -> Option<&TestHop> {
        self.hops.iter().find(|hop| hop.outcome == TestHopOutcome::Failed)
    }
}

/// Told by whoever started the harmless process, or could not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestAlertStarted {
    /// The test's.
    pub id: Uuid,
    /// By the machine's clock.
    pub time: Ticks,
    /// Why there was no process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
