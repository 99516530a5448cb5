//! Test alerts: one harmless process on a machine, followed hop by hop until it is an incident.
//!
//! The process is real, and so is everything behind it: the agent starts `/bin/echo` with a marker and the test's id,
//! the sensor sees it like any other process, and the shipped rule "Detection test" finds its row. What only this server
//! knows (when rows came, whether they were refused) is noted here while a test runs; the rest is asked of the logs. So a
//! test that passes proves the way that an attack's events take, and one that does not names the hop that broke.

mod doors;
mod hops;
mod run;

pub(crate) use doors::{
    TEST_TYPE, agent_latest, agent_start, agent_started, latest, list, simulate, start_on_machine,
};
pub(crate) use run::TestAlerts;
