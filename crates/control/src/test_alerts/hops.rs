//! From what is known of a test to its hops: which are passed, where it is, and what broke.

use bartizan_base::{ResourceId, Ticks, Timespan};
use bartizan_records::Resource;
use bartizan_wire::{TestAlertReport, TestAlertState, TestHop, TestHopOutcome};
use serde_json::Value;

use super::run::Run;
use crate::plans::extension;

/// An agent that is connected hears of a test at once; this is for a busy machine.
pub(super) const AGENT_LIMIT: Timespan = Timespan::from_seconds(60);
/// From the process to its row at the door: the sensor's and the spool's pace, with room for a busy machine.
const SENSOR_LIMIT: Timespan = Timespan::from_seconds(120);
/// From the row to the alert: NRT rules look once a second.
const RULE_LIMIT: Timespan = Timespan::from_seconds(120);
/// From the alert to its incident, which one task writes right after another.
const INCIDENT_LIMIT: Timespan = Timespan::from_seconds(60);

/// What is known.
pub(super) struct Facts<'a> {
    pub(super) run: &'a Run,
    pub(super) machine: &'a Resource,
    /// The name of the plan that covers the machine; `None` when none does.
    pub(super) plan: Option<&'static str>,
    pub(super) sensor: Option<&'a Resource>,
    pub(super) rule: Option<&'a Resource>,
    /// When the process ran, by its row.
    pub(super) row: Option<Ticks>,
    pub(super) alert: Option<Raised>,
    pub(super) incident: Option<Opened>,
    pub(super) now: Ticks,
}

/// The alert of a test.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) id: String,
    pub(super) resource: Option<ResourceId>,
    /// When the rule looked.
    pub(super) looked: Ticks,
    /// When the alert was written.
    pub(super) written: Ticks,
}

/// The incident that the alert is in.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) id: Option<ResourceId>,
    pub(super) number: u64,
    pub(super) time: Ticks,
}

/// One hop as it is decided: passed, broken, or neither yet.
struct Hop {
    name: &'static str,
    title: &'static str,
    passed: Option<(Option<Ticks>, String)>,
    /// What is wrong and what to do.
    broken: Option<(String, String)>,
}

/// All hops and what follows from them.
pub(super) fn report(facts: &Facts<'_>) -> TestAlertReport {
    let hops = [
        plan(facts),
        agent(facts),
        sensor(facts),
        received(facts),
        stored(facts),
        rule(facts),
        alert(facts),
        incident(facts),
    ];
    // What came through a later hop came through those before it, whatever they say of themselves.
    let reached = hops.iter().rposition(|hop| hop.passed.is_some()).map_or(0, |last| last + 1);
    let mut state = if reached == hops.len() { TestAlertState::Succeeded } else { TestAlertState::Running };
    let mut summary = String::new();
    let mut shown = Vec::new();
    for (at, hop) in hops.into_iter().enumerate() {
        let (mut time, mut detail, mut fix) = (None, String::new(), String::new());
        let outcome = if at < reached {
            (time, detail) = hop.passed.unwrap_or_default();
            TestHopOutcome::Passed
        } else if at > reached {
            TestHopOutcome::NotReached
        } else if let Some((wrong, remedy)) = hop.broken {
            summary = format!("the hop `{}` is broken: {wrong}", hop.name);
            state = TestAlertState::Failed;
            (detail, fix) = (wrong, remedy);
            TestHopOutcome::Failed
        } else {
            summary = format!("waiting for the hop `{}`", hop.name);
            TestHopOutcome::Waiting
        };
        let (name, display_name) = (hop.name.to_owned(), hop.title.to_owned());
        shown.push(TestHop { name, display_name, outcome, time, detail, fix });
    }
    if let (TestAlertState::Succeeded, Some(opened)) = (state, &facts.incident) {
        let took = opened.time - facts.run.requested;
        let tenths = took.0.max(0) / 1_000_000;
        summary = format!("incident {} after {}.{} s", opened.number, tenths / 10, tenths % 10);
    }
    let run = facts.run;
    TestAlertReport {
        id: run.id,
        machine_id: run.machine.clone(),
        requested: run.requested,
        requested_by: run.requested_by.clone(),
        state,
        summary,
        hops: shown,
        alert_id: facts.alert.as_ref().and_then(|alert| alert.resource.clone()),
        incident_id: facts.incident.as_ref().and_then(|opened| opened.id.clone()),
    }
}

fn late(facts: &Facts<'_>, since: Ticks, limit: Timespan) -> bool {
    facts.now - since > limit
}

fn seconds(limit: Timespan) -> i64 {
    limit.0 / 10_000_000
}

fn broken(wrong: impl Into<String>, fix: impl Into<String>) -> Option<(String, String)> {
    Some((wrong.into(), fix.into()))
}

fn plan(facts: &Facts<'_>) -> Hop {
    let passed =
        facts.plan.map(|plan| (Some(facts.run.requested), format!("Defender for Servers is on ({plan})")));
    let broken = broken(
        "Defender for Servers is off for this machine, so nothing watches it",
        "turn on Defender for Servers for the subscription in Environment settings",
    );
    Hop { name: "plan", title: "A plan covers the machine", passed, broken }
}

fn agent(facts: &Facts<'_>) -> Hop {
    let run = facts.run;
    let who = if run.on_machine { "started at the machine" } else { "the agent started the process" };
    let passed = run.started.map(|time| (Some(time), who.to_owned()));
    let text = |name: &str| facts.machine.property(name).and_then(Value::as_str).unwrap_or_default();
    let status = text("status");
    let broken = if let Some(error) = &run.not_started {
        broken(
            format!("the process was not started: {error}"),
            "mend that on the machine; any process whose command line has `bartizan-detection-test` will do",
        )
    } else if !status.eq_ignore_ascii_case("Connected") {
        broken(
            format!("the agent is not connected: status {status} since {}", text("lastStatusChange")),
            "start the machine and `bartizan-agent`; `bartizan-agent check` on it names what is in the way",
        )
    } else if late(facts, run.requested, AGENT_LIMIT) {
        broken(
            format!("the agent is connected and did not start the process within {} s", seconds(AGENT_LIMIT)),
            "look at the agent's log; an agent older than its server may not know the command",
        )
    } else {
        None
    };
    Hop { name: "agent", title: "The harmless process is started", passed, broken }
}

fn sensor(facts: &Facts<'_>) -> Hop {
    let run = facts.run;
    let passed = match (facts.row, run.received) {
        (Some(time), _) => Some((Some(time), seen(facts.sensor))),
        // Refused or not stored yet: only the batch is known, not the row's time.
        (None, Some(_)) => Some((None, seen(facts.sensor))),
        (None, None) => None,
    };
    let broken = match facts.sensor {
        None => broken(
            "the sensor is not installed: there is no extension `MDE.Linux`",
            "diagnose the machine; the first check that fails says why policy has not deployed it",
        ),
        Some(sensor) => {
            let (state, message) = (extension::provisioning_state(sensor), extension::message(sensor));
            if matches!(state, "Failed" | "Deleting") {
                broken(
                    format!("the sensor does not run: {state}, {message}"),
                    "follow the message; diagnose the machine for what stands in the way",
                )
            } else if late(facts, run.started.unwrap_or(run.requested), SENSOR_LIMIT) {
                broken(
                    format!(
                        "the process ran and no row of it came within {} s; the sensor says: {state}, {message}",
                        seconds(SENSOR_LIMIT)
                    ),
                    "`bartizan-agent status` on the machine shows the sensor's health, its source and what waits in its spool",
                )
            } else {
                None
            }
        }
    };
    Hop { name: "sensor", title: "The sensor sees it", passed, broken }
}

/// By what means the sensor saw it, and whether it would have acted.
fn seen(sensor: Option<&Resource>) -> String {
    let health = sensor.and_then(|sensor| sensor.body.pointer("/properties/instanceView/health"));
    let text = |name: &str| health.and_then(|health| health[name].as_str()).unwrap_or_default();
    let by = if text("tier").is_empty() { String::new() } else { format!(" by {}", text("tier")) };
    match text("mode") {
        "passive" => format!("seen{by}; the sensor is passive: it tells and does not block"),
        _ => format!("seen{by}"),
    }
}

fn received(facts: &Facts<'_>) -> Hop {
    let passed = facts.run.received.map(|time| (Some(time), "the row came to the server".to_owned()));
    Hop { name: "received", title: "The server receives its row", passed, broken: None }
}

fn stored(facts: &Facts<'_>) -> Hop {
    let passed = match (facts.run.stored, facts.row) {
        (Some(time), _) => Some((Some(time), "on disk, in `DeviceProcessEvents`".to_owned())),
        (None, Some(_)) => Some((None, "found in `DeviceProcessEvents`".to_owned())),
        (None, None) => None,
    };
    let broken = facts.run.refused.as_ref().and_then(|words| {
        broken(
            format!("the workspace refuses the rows: {words}"),
            "raise the daily cap, free space on the server's disk, or mend the collection rule, as the words say; the \
             agent keeps the rows and sends them again",
        )
    });
    Hop { name: "stored", title: "The workspace stores it", passed, broken }
}

fn rule(facts: &Facts<'_>) -> Hop {
    let passed = facts.alert.as_ref().map(|alert| (Some(alert.looked), "the rule found the row".to_owned()));
    let since = facts.run.stored.or(facts.row).unwrap_or(facts.run.requested);
    let broken = match facts.rule {
        None => broken(
            "the analytics rule `Detection test` was deleted",
            "make it again from its template, or restore it from a backup",
        ),
        Some(rule) if rule.property("enabled").and_then(Value::as_bool) == Some(false) => broken(
            "the analytics rule `Detection test` is disabled",
            "enable it in Analytics; while it is off no test can pass",
        ),
        Some(rule) => {
            let health = rule.property("health").unwrap_or(&Value::Null);
            let words = health["message"].as_str().unwrap_or_default();
            if health["status"] == "Failed" {
                broken(format!("the analytics rule `Detection test` fails: {words}"), "mend the rule's query")
            } else if late(facts, since, RULE_LIMIT) {
                broken(
                    format!("the row is stored and the rule raised nothing within {} s", seconds(RULE_LIMIT)),
                    "compare the rule's query with its template; look for `rule run failed` in the server's log",
                )
            } else {
                None
            }
        }
    };
    Hop { name: "rule", title: "The rule finds it", passed, broken }
}

fn alert(facts: &Facts<'_>) -> Hop {
    let passed = facts.alert.as_ref().map(|alert| (Some(alert.written), format!("alert {}", alert.id)));
    Hop { name: "alert", title: "An alert is raised", passed, broken: None }
}

fn incident(facts: &Facts<'_>) -> Hop {
    let passed =
        facts.incident.as_ref().map(|opened| (Some(opened.time), format!("incident {}", opened.number)));
    let opens = facts
        .rule
        .and_then(|rule| rule.body.pointer("/properties/incidentConfiguration/createIncident"))
        .and_then(Value::as_bool);
    let since = facts.alert.as_ref().map_or(facts.run.requested, |alert| alert.written);
    let broken = if opens == Some(false) {
        broken("the rule `Detection test` opens no incidents", "switch incident creation on in the rule")
    } else if late(facts, since, INCIDENT_LIMIT) {
        broken(
            format!("the alert opened no incident within {} s", seconds(INCIDENT_LIMIT)),
            "look for `detection step failed` in the server's log",
        )
    } else {
        None
    };
    Hop { name: "incident", title: "It is an incident", passed, broken }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const MACHINE: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/web-1";

    fn resource(id: &str, properties: Value) -> Resource {
        let id = ResourceId::parse(id).unwrap();
        Resource {
            resource_type: id.resource_type(),
            id,
            body: json!({"properties": properties}),
            etag: String::new(),
            created: Ticks(0),
            modified: Ticks(0),
        }
    }

    fn at(second: i64) -> Ticks {
        Ticks(638_000_000_000_000_000) + Timespan::from_seconds(second)
    }

    fn raised(second: i64) -> Raised {
        Raised { id: "a".to_owned(), resource: None, looked: at(second), written: at(second + 1) }
    }

    /// Everything as it should be, at the start; a case changes what it is about.
    struct Case {
        run: Run,
        machine: Resource,
        plan: Option<&'static str>,
        sensor: Option<Resource>,
        rule: Option<Resource>,
        row: Option<Ticks>,
        alert: Option<Raised>,
        incident: Option<Opened>,
        now: Ticks,
    }

    fn case() -> Case {
        let machine =
            resource(MACHINE, json!({"status": "Connected", "lastStatusChange": "2026-01-01T00:00:00Z"}));
        let sensor = json!({"provisioningState": "Succeeded", "instanceView": {
            "status": {"message": "running"}, "health": {"tier": "ebpf", "mode": "passive"}}});
        let rule = json!({"enabled": true, "incidentConfiguration": {"createIncident": true}});
        Case {
            run: Run::new(Uuid::nil(), machine.id.clone(), at(0), "somebody".to_owned(), false),
            machine,
            plan: Some("P2"),
            sensor: Some(resource(&format!("{MACHINE}/extensions/MDE.Linux"), sensor)),
            rule: Some(resource("/subscriptions/s/providers/Microsoft.SecurityInsights/alertRules/r", rule)),
            row: None,
            alert: None,
            incident: None,
            now: at(1),
        }
    }

    fn reported(case: &Case) -> TestAlertReport {
        report(&Facts {
            run: &case.run,
            machine: &case.machine,
            plan: case.plan,
            sensor: case.sensor.as_ref(),
            rule: case.rule.as_ref(),
            row: case.row,
            alert: case.alert.clone(),
            incident: case.incident.clone(),
            now: case.now,
        })
    }

    fn outcome(case: &Case) -> (TestAlertState, String, String) {
        let found = reported(case);
        let here = found.hops.iter().find(|hop| hop.outcome != TestHopOutcome::Passed);
        let fix = here.map(|hop| hop.fix.clone()).unwrap_or_default();
        assert_eq!(found.state == TestAlertState::Failed, !fix.is_empty(), "a broken hop says what to do");
        (found.state, here.map(|hop| hop.name.clone()).unwrap_or_default(), found.summary)
    }

    #[test]
    fn each_break_is_named_by_its_hop_and_nothing_else_is_a_break() {
        type Change = fn(&mut Case);
        let cases: [(&str, Change, &str, &str); 16] = [
            ("plan", |case| case.plan = None, "Failed", "is off for this machine"),
            ("agent", |_| {}, "Running", "waiting"),
            (
                "agent",
                |case| case.machine.body["properties"]["status"] = "Disconnected".into(),
                "Failed",
                "not connected: status Disconnected",
            ),
            ("agent", |case| case.now = at(61), "Failed", "did not start the process within 60 s"),
            (
                "agent",
                |case| case.run.not_started = Some("no `/bin/echo`".to_owned()),
                "Failed",
                "no `/bin/echo`",
            ),
            ("sensor", |case| case.run.started = Some(at(1)), "Running", "waiting"),
            (
                "sensor",
                |case| {
                    case.run.started = Some(at(1));
                    case.sensor = None;
                },
                "Failed",
                "not installed",
            ),
            (
                "sensor",
                |case| {
                    case.run.started = Some(at(1));
                    let sensor = case.sensor.as_mut().unwrap();
                    sensor.body["properties"]["provisioningState"] = "Failed".into();
                    sensor.body["properties"]["instanceView"]["status"]["message"] = "stopped by hand".into();
                },
                "Failed",
                "stopped by hand",
            ),
            (
                "sensor",
                |case| {
                    case.run.started = Some(at(1));
                    case.now = at(122);
                },
                "Failed",
                "within 120 s",
            ),
            (
                "stored",
                |case| {
                    case.run.received = Some(at(2));
                    case.run.refused = Some("the daily cap is reached".to_owned());
                },
                "Failed",
                "daily cap",
            ),
            (
                "rule",
                |case| {
                    case.row = Some(at(1));
                    case.rule = None;
                },
                "Failed",
                "was deleted",
            ),
            (
                "rule",
                |case| {
                    case.row = Some(at(1));
                    case.rule.as_mut().unwrap().body["properties"]["enabled"] = false.into();
                },
                "Failed",
                "is disabled",
            ),
            (
                "rule",
                |case| {
                    case.row = Some(at(1));
                    case.rule.as_mut().unwrap().body["properties"]["health"] =
                        json!({"status": "Failed", "message": "no such table"});
                },
                "Failed",
                "no such table",
            ),
            (
                "rule",
                |case| {
                    case.row = Some(at(1));
                    case.now = at(130);
                },
                "Failed",
                "raised nothing within 120 s",
            ),
            (
                "incident",
                |case| {
                    case.alert = Some(raised(3));
                    case.rule.as_mut().unwrap().body["properties"]["incidentConfiguration"]["createIncident"] =
                        false.into();
                },
                "Failed",
                "opens no incidents",
            ),
            ("incident", |case| case.alert = Some(raised(3)), "Running", "waiting"),
        ];
        for (at, (hop, change, state, words)) in cases.into_iter().enumerate() {
            let mut case = case();
            change(&mut case);
            let (found, here, summary) = outcome(&case);
            assert_eq!((format!("{found:?}").as_str(), here.as_str()), (state, hop), "case {at}: {summary}");
            assert!(summary.contains(words), "case {at}: {summary}");
        }
    }

    #[test]
    fn a_whole_way_has_every_moment_and_a_passive_sensor_is_no_break() {
        let mut case = case();
        case.run.started = Some(at(1));
        case.row = Some(at(1));
        (case.run.received, case.run.stored) = (Some(at(2)), Some(at(3)));
        case.alert = Some(raised(4));
        case.incident = Some(Opened { id: None, number: 7, time: at(6) });
        case.now = at(7);
        let found = reported(&case);
        assert_eq!(
            (found.state, found.summary.as_str()),
            (TestAlertState::Succeeded, "incident 7 after 6.0 s")
        );
        let times: Vec<_> = found.hops.iter().map(|hop| hop.time).collect();
        assert_eq!(times, [0, 1, 1, 2, 3, 4, 5, 6].map(|second| Some(at(second))));
        assert!(found.hops[2].detail.contains("by ebpf; the sensor is passive"), "{:?}", found.hops[2]);
        assert_eq!(found.broken(), None);
    }
}
