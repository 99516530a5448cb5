//! Alerts but no events, or events but no alerts: which of the two agents of a machine is the cause.
//!
//! The sensor sends what detections look at; the monitor ships logs and never raises an alert. When one of the two is
//! missing, the other goes on, and that is what tells them apart.

use bartizan_records::Resource;
use serde_json::{Value, json};

use super::component::{COMPONENTS, Component, EXTENSION_TYPE};
use super::{direct, extension};

/// How an agent stands.
struct Standing {
    works: bool,
    evidence: String,
}

/// The verdict on a machine, by its extensions. One that was onboarded directly has one agent only.
pub fn verdict(machine: &Value, extensions: &[Resource]) -> Value {
    let (sensor, monitor) = (standing(extensions, "sensor"), standing(extensions, "monitor"));
    let (name, summary, fix) = match (sensor.works, monitor.works) {
        (true, false) if direct::is_direct(machine) => (
            "sensorOnly",
            "the sensor works; the machine was onboarded directly, so no log collection is due",
            "",
        ),
        (true, true) => ("bothWork", "both agents work: alerts and events come", ""),
        (true, false) => (
            "alertsButNoEvents",
            "the sensor works and log collection does not: alerts come, and queries find no events",
            "check that log collection is provisioned and that a data collection rule is associated with the machine; then \
             follow the message of the monitor's extension",
        ),
        (false, true) => (
            "eventsButNoAlerts",
            "log collection works and the sensor does not: queries find events, and no alert of the endpoint comes",
            "check that endpoint protection is provisioned; then follow the message of the sensor's extension",
        ),
        (false, false) => (
            "neitherWorks",
            "neither agent works: no alerts and no events come",
            "follow the six checks in their order",
        ),
    };
    json!({
        "verdict": name,
        "summary": summary,
        "sensor": {"works": sensor.works, "evidence": sensor.evidence},
        "monitor": {"works": monitor.works, "evidence": monitor.evidence},
        "fix": fix,
    })
}

fn standing(extensions: &[Resource], name: &str) -> Standing {
    let component = COMPONENTS.iter().find(|component| component.name == name);
    let found = component.and_then(|component| find(extensions, component));
    let Some(found) = found else {
        return Standing { works: false, evidence: "there is no extension resource".to_owned() };
    };
    debug_assert!(found.resource_type.eq_ignore_ascii_case(EXTENSION_TYPE));
    let (state, message) = (extension::provisioning_state(found), extension::message(found));
    // A program that runs and whose rows nobody takes is as good as none.
    let lost = lost_streams(found);
    Standing {
        works: state == "Succeeded" && lost.is_none(),
        evidence: match lost {
            Some(lost) => format!("{state}, {lost}"),
            None => format!("{state}, {message}"),
        },
    }
}

fn find<'a>(extensions: &'a [Resource], component: &Component) -> Option<&'a Resource> {
    extensions.iter().find(|extension| {
        let text = |name: &str| extension.property(name).and_then(Value::as_str).unwrap_or_default();
        text("publisher").eq_ignore_ascii_case(component.publisher)
            && text("type").eq_ignore_ascii_case(component.extension)
    })
}

/// The step that says that no data collection rule takes any stream.
fn lost_streams(extension: &Resource) -> Option<&str> {
    let steps = extension.body.pointer("/properties/instanceView/substatuses")?.as_array()?;
    let onboarding = steps.iter().find(|step| step["code"] == "ComponentStatus/onboarding/warning")?;
    onboarding["message"].as_str()
}
