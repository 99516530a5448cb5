//! Why a machine is not covered: the six checks, in the order in which people are told to make them.
//!
//! Plan, provisioning, operating system, connectivity, policy, extension status. All six are made, each with
//! its evidence; the first that fails is the answer, because what comes after it mostly follows from it.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::{Policies, Request, Rule, Target};
use bartizan_readiness::{Prerequisites, first_blocking};
use bartizan_records::{Records, RecordsError, Resource};
use bartizan_wire::{HostFacts, MachineFacts};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{AccessMap, Lock};

use super::component::{COMPONENTS, Component, EXTENSION_TYPE};
use super::plan::{Plan, Tier};
use super::state::STATE_TYPE;
use super::{builtin, direct, extension, features, identity, reconcile, two_agents};

/// The type of the answer.
pub const DIAGNOSIS_TYPE: &str = "Bartizan.Security/diagnosis";

/// What the checks look at.
#[derive(Clone, Debug)]
pub struct Facts {
    pub machine: Resource,
    pub extensions: Vec<Resource>,
    pub plan: Plan,
    pub policies: Arc<Policies>,
    /// What the policies last said about the machine.
    pub states: Vec<Resource>,
    /// By assignment: the role that its identity lacks to put an extension on the machine.
    pub(crate) lacks: Vec<(ResourceId, identity::Lack)>,
    /// What locks extensions of the machine against being written.
    pub(crate) lock: Option<Lock>,
    pub now: Ticks,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// Nothing is wrong yet; something has been started and is not finished.
    InProgress,
    Failed,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub title: &'static str,
    pub outcome: Outcome,
    pub evidence: Vec<String>,
    /// What to do; empty when there is nothing to do.
    pub fix: String,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
        }
    }
}

/// Answers `GET {machine}/providers/Bartizan.Security/diagnosis/latest`; `None` when there is no such machine.
///
/// # Errors
/// When the records cannot be read.
pub async fn diagnose(
    records: &Records,
    machine: &ResourceId,
    now: Ticks,
) -> Result<Option<Value>, RecordsError> {
    let Some(resource) = records.get(machine).await? else { return Ok(None) };
    let subscription =
        machine.subscription().and_then(|id| ResourceId::parse(&format!("/subscriptions/{id}")).ok());
    let Some(subscription) = subscription else { return Ok(None) };
    let policies = reconcile::load(records).await?;
    let facts = Facts {
        lacks: lacks(records, &policies, &resource).await?,
        lock: lock(records, machine).await?,
        machine: resource,
        extensions: records.list_all(machine, EXTENSION_TYPE).await?,
        plan: Plan::read(records, &subscription).await?,
        policies,
        states: records.list_all(machine, STATE_TYPE).await?,
        now,
    };
    Ok(Some(to_json(&facts, &checks(&facts))))
}

/// What locks extensions of `machine` against being written.
async fn lock(records: &Records, machine: &ResourceId) -> Result<Option<Lock>, RecordsError> {
    let Ok(any) = machine.join("extensions/any") else { return Ok(None) };
    Ok(AccessMap::of(records).await?.lock(&format!("{EXTENSION_TYPE}/write"), &any).cloned())
}

/// The roles that the assignments of the components' policies lack to write extensions of `machine`.
async fn lacks(
    records: &Records,
    policies: &Policies,
    machine: &Resource,
) -> Result<Vec<(ResourceId, identity::Lack)>, RecordsError> {
    let target = Target::new(machine.id.clone(), machine.body.clone());
    let mut out = Vec::new();
    for component in &COMPONENTS {
        let Some(rule) = rule_of(policies, component, &target) else { continue };
        let Ok(id) = machine.id.join(&format!("extensions/{}", component.extension)) else { continue };
        let lack = identity::lack(records, rule, EXTENSION_TYPE, &id).await?;
        out.extend(lack.map(|lack| (rule.assignment.id.clone(), lack)));
    }
    Ok(out)
}

/// The policy that brings a component to the machine.
fn rule_of<'p>(policies: &'p Policies, component: &Component, machine: &Target) -> Option<&'p Arc<Rule>> {
    policies.rules().iter().find(|rule| {
        rule.definition.name().eq_ignore_ascii_case(component.definition)
            && policies.covers(&rule.assignment, machine)
    })
}

/// The six checks, in order.
pub fn checks(facts: &Facts) -> [Check; 6] {
    [
        plan(facts),
        provisioning(facts),
        operating_system(facts),
        connectivity(facts),
        policy_block(facts),
        extension_status(facts),
    ]
}

fn to_json(facts: &Facts, checks: &[Check]) -> Value {
    let numbered: Vec<Value> = checks
        .iter()
        .enumerate()
        .map(|(at, check)| {
            json!({"order": at + 1, "name": check.name, "displayName": check.title, "result": check.outcome.as_str(),
                   "evidence": check.evidence, "fix": check.fix})
        })
        .collect();
    let first = checks.iter().position(|check| check.outcome == Outcome::Failed);
    let waiting = checks.iter().any(|check| check.outcome == Outcome::InProgress);
    let (status, summary) = match first {
        Some(at) => ("Unhealthy", format!("check {} of 6 fails: {}", at + 1, checks[at].title)),
        None if waiting => ("InProgress", "installation is under way".to_owned()),
        None => ("Healthy", "all checks pass".to_owned()),
    };
    let id = &facts.machine.id;
    json!({
        "id": format!("{id}/providers/{DIAGNOSIS_TYPE}/latest"),
        "name": "latest",
        "type": DIAGNOSIS_TYPE,
        "properties": {
            "machineId": id,
            "time": facts.now,
            "status": status,
            "summary": summary,
            "firstFailure": first.map(|at| numbered[at].clone()),
            "checks": numbered,
            "prerequisites": readiness(facts),
            "twoAgents": two_agents::verdict(&facts.machine.body, &facts.extensions),
        },
    })
}

fn plan(facts: &Facts) -> Check {
    let title = "Defender for Servers is on for the machine";
    let cover = facts.plan.cover_of(&facts.machine.id);
    if facts.plan.has_own(&facts.machine.id) && cover.tier == Tier::Free {
        let fix = "remove the machine's own `VirtualMachines` pricing, which is Free";
        return failed("plan", title, vec!["the machine has a pricing of its own".to_owned()], fix);
    }
    if cover.tier == Tier::Free {
        let fix = "turn on Defender for Servers for the subscription in Environment settings";
        return failed("plan", title, vec!["the plan `VirtualMachines` is Free".to_owned()], fix);
    }
    passed("plan", title, vec![format!("the plan `VirtualMachines` is {}", cover.tier.as_str())])
}

fn provisioning(facts: &Facts) -> Check {
    let title = "Provisioning is on for every component of the plan";
    let mut evidence = Vec::new();
    let mut fix = String::new();
    let cover = facts.plan.cover_of(&facts.machine.id);
    let needed = COMPONENTS.iter().filter(|component| features::need(component, cover));
    for component in needed.filter(|component| direct::may_have(&facts.machine.body, component)) {
        match assigned(facts, component) {
            Ok(found) => evidence.push(found),
            Err((found, remedy)) => {
                evidence.insert(0, found);
                fix = remedy;
            }
        }
    }
    if !fix.is_empty() {
        return failed("provisioning", title, evidence, &fix);
    }
    passed("provisioning", title, evidence)
}

/// Whether the component's assignment exists, covers the machine and deploys; else what is wrong and the fix.
fn assigned(facts: &Facts, component: &Component) -> Result<String, (String, String)> {
    let what = component.display_name;
    let included = facts.plan.includes(component, facts.plan.cover_of(&facts.machine.id));
    if let Some(setting) = facts.plan.switch_of(component).filter(|_| !included) {
        return Err((format!("{what}: switched off by {setting}"), format!("switch {setting} on")));
    }
    if direct::is_direct(&facts.machine.body) {
        return Ok(format!(
            "{what}: onboarded directly, by the plan of the subscription and without a policy"
        ));
    }
    let target = Target::new(facts.machine.id.clone(), facts.machine.body.clone());
    let Some(rule) = rule_of(&facts.policies, component, &target) else {
        let found = format!("{what}: no policy assignment covers the machine");
        return Err((found, "turn the plan off and on again, or assign the policy by hand".to_owned()));
    };
    let assignment = &rule.assignment;
    let name = assignment.name();
    if !assignment.enforced {
        return Err((
            format!("{what}: assignment `{name}` is not enforced"),
            format!("set the enforcement mode of `{name}` to Default"),
        ));
    }
    if !assignment.has_identity {
        return Err((
            format!("{what}: assignment `{name}` has no managed identity"),
            format!("give `{name}` a system-assigned identity"),
        ));
    }
    if let Some(exemption) = facts.policies.exemption(rule, &target, facts.now) {
        return Err((
            format!("{what}: the machine is exempt by `{}`", exemption.id),
            format!("delete the exemption `{}`", exemption.id.name()),
        ));
    }
    Ok(format!("{what}: assigned by `{name}`"))
}

fn operating_system(facts: &Facts) -> Check {
    let title = "The operating system is supported";
    let checks = readiness(facts);
    let shown = |check: &bartizan_readiness::Check| format!("{}: {}", check.title, check.evidence);
    if let Some(blocking) = first_blocking(&checks) {
        let more = checks.iter().filter(|check| {
            check.outcome == bartizan_readiness::Outcome::Failed && check.name != blocking.name
        });
        let evidence = std::iter::once(blocking).chain(more).map(shown).collect();
        return failed("operatingSystem", title, evidence, &blocking.fix);
    }
    let worth_telling = checks.iter().filter(|check| {
        check.name == "systemSupported" || check.outcome == bartizan_readiness::Outcome::Failed
    });
    passed("operatingSystem", title, worth_telling.map(shown).collect())
}

/// How the machine stands to the prerequisites, by what it last reported.
pub fn readiness(facts: &Facts) -> Vec<bartizan_readiness::Check> {
    let text =
        |name: &str| facts.machine.property(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let detected = |name: &str| {
        let detected = facts.machine.property("detectedProperties").and_then(|detected| detected.get(name));
        detected.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let machine = MachineFacts {
        os_type: text("osType").to_ascii_lowercase(),
        os_name: text("osName"),
        os_sku: text("osSku"),
        os_version: text("osVersion"),
        kernel: detected("kernel"),
        architecture: detected("architecture"),
        memory_bytes: detected("totalPhysicalMemoryInBytes").parse().unwrap_or(0),
        ..MachineFacts::default()
    };
    let report = facts.machine.property("agentReport").unwrap_or(&Value::Null);
    let host = HostFacts::deserialize(&report["host"]).ok();
    let clock = report["connectivity"]["clockAheadSeconds"].as_i64();
    Prerequisites::shipped().evaluate(&bartizan_readiness::Facts::new(&machine, host.as_ref(), clock))
}

fn connectivity(facts: &Facts) -> Check {
    let title = "The machine reaches the server";
    let text = |name: &str| facts.machine.property(name).and_then(Value::as_str).unwrap_or_default();
    let status = text("status");
    let mut evidence = vec![format!("status {status} since {}", text("lastStatusChange"))];
    let report = facts.machine.property("agentReport").map_or(&Value::Null, |report| &report["connectivity"]);
    evidence.extend(past_failures(report));
    if status.eq_ignore_ascii_case("Connected") {
        return passed("connectivity", title, evidence);
    }
    let endpoint = &report["endpoints"][0];
    let way = match (endpoint["url"].as_str(), endpoint["proxy"].as_str()) {
        (Some(url), Some(proxy)) => format!("{url} by the proxy {proxy}"),
        (Some(url), None) => url.to_owned(),
        _ => "the server, or its proxy,".to_owned(),
    };
    let fix = format!(
        "start the machine; `bartizan-agent check` on it names the hop that fails (DNS, TCP, proxy, TLS or HTTP) and what \
         to do; check that `bartizan-agent` runs and that outbound HTTPS to {way} is allowed"
    );
    failed("connectivity", title, evidence, &fix)
}

/// What cut the machine off before, as it told when it was back.
fn past_failures(report: &Value) -> Vec<String> {
    let all = report["pastFailures"].as_array().into_iter().flatten();
    let shown = all.map(|failure| {
        let text = |name: &str| failure[name].as_str().unwrap_or_default();
        let end = match failure["to"].as_str() {
            Some(end) => format!("to {end}"),
            None => "and still".to_owned(),
        };
        format!("cut off at {} from {} {end}: {}", text("hop"), text("from"), text("detail"))
    });
    shown.collect()
}

fn policy_block(facts: &Facts) -> Check {
    let title = "No policy and no lock forbids the extensions";
    if direct::is_direct(&facts.machine.body) {
        return passed(
            "policy",
            title,
            vec!["policies do not look at the sensor of a machine onboarded directly".to_owned()],
        );
    }
    let missing = |component: &Component| !facts.extensions.iter().any(|extension| is(extension, component));
    if let Some(lock) = facts.lock.as_ref().filter(|_| wanted(facts).any(missing)) {
        let evidence =
            format!("ScopeLocked: `{}` is locked by `{}`, so nothing is deployed there", lock.at, lock.name);
        return failed(
            "policy",
            title,
            vec![evidence],
            &format!("remove the lock `{}` of `{}`", lock.name, lock.at),
        );
    }
    for component in wanted(facts) {
        let Some(target) = planned(facts, component) else { continue };
        let admitted = facts.policies.admit(&target, &Request::default(), facts.now);
        if let Some(denial) = admitted.err().and_then(|denials| denials.into_iter().next()) {
            let fix = format!(
                "exempt the machine from assignment `{}`, or change that assignment",
                denial.rule.assignment.name()
            );
            return failed("policy", title, vec![denial.message(&target.id)], &fix);
        }
    }
    passed("policy", title, vec!["no `deny` assignment matches the extensions".to_owned()])
}

fn extension_status(facts: &Facts) -> Check {
    let title = "Every extension is installed and running";
    let mut outcome = Outcome::Passed;
    let mut evidence = Vec::new();
    let mut fix = String::new();
    for component in wanted(facts) {
        let found = facts.extensions.iter().find(|extension| is(extension, component));
        let Some(found) = found else {
            outcome = Outcome::Failed;
            if let Some(lack) = lack_of(facts, component) {
                evidence.insert(0, format!("{}: missing role; {}", component.extension, lack.error));
                fix.clone_from(&lack.fix);
                continue;
            }
            let said = said_by_policy(facts, component);
            let because = said.as_ref().map(|said| format!("; its policy says: {said}")).unwrap_or_default();
            evidence.insert(0, format!("{}: there is no extension resource{because}", component.extension));
            fix = match said {
                Some(_) => "mend what the policy says, then evaluate again (triggerEvaluation)".to_owned(),
                None => "look at the policy state of the machine for the reason".to_owned(),
            };
            continue;
        };
        let (state, message) = (extension::provisioning_state(found), extension::message(found));
        evidence.push(format!("{}: {state}, {message}", component.extension));
        match state {
            "Succeeded" => {}
            "Failed" => {
                outcome = Outcome::Failed;
                fix = format!(
                    "follow the message of `{}`; deleting the extension makes policy install it anew",
                    component.extension
                );
            }
            _ if outcome == Outcome::Passed => outcome = Outcome::InProgress,
            _ => {}
        }
    }
    Check { name: "extensionStatus", title, outcome, evidence, fix }
}

/// The role that the policy which deploys a component lacks.
fn lack_of<'f>(facts: &'f Facts, component: &Component) -> Option<&'f identity::Lack> {
    let target = Target::new(facts.machine.id.clone(), facts.machine.body.clone());
    let rule = rule_of(&facts.policies, component, &target)?;
    let found = facts.lacks.iter().find(|(assignment, _)| *assignment == rule.assignment.id);
    found.map(|(_, lack)| lack)
}

/// Why the policy that deploys a component did not: a role that its identity lacks, a template that is wrong.
fn said_by_policy(facts: &Facts, component: &Component) -> Option<String> {
    let own = facts.states.iter().find(|state| {
        let definition = state.property("policyDefinitionId").and_then(Value::as_str).unwrap_or_default();
        let name = definition.rsplit('/').next().unwrap_or_default();
        name.eq_ignore_ascii_case(component.definition)
            && state.property("complianceState").and_then(Value::as_str) != Some("Compliant")
    })?;
    let reason = own.property("policyEvaluationDetails")?.get("reason")?.as_str()?;
    (!reason.is_empty()).then(|| reason.to_owned())
}

/// The components that the plan wants on the machine.
fn wanted(facts: &Facts) -> impl Iterator<Item = &'static Component> {
    let cover = facts.plan.cover_of(&facts.machine.id);
    let brought = COMPONENTS.iter().filter(move |component| facts.plan.includes(component, cover));
    brought.filter(|component| direct::may_have(&facts.machine.body, component))
}

fn is(extension: &Resource, component: &Component) -> bool {
    let same = |name: &str, wanted: &str| {
        extension
            .property(name)
            .and_then(Value::as_str)
            .is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    };
    same("publisher", component.publisher) && same("type", component.extension)
}

/// The extension as policy would write it, to ask whether that is allowed.
fn planned(facts: &Facts, component: &Component) -> Option<Target> {
    debug_assert!(builtin::definition(component.definition).is_some());
    let id = facts.machine.id.join(&format!("extensions/{}", component.extension)).ok()?;
    let location = facts.machine.body.get("location").cloned().unwrap_or(Value::Null);
    let properties =
        json!({"publisher": component.publisher, "type": component.extension, "typeHandlerVersion": "1.0"});
    Some(Target::new(id, json!({"location": location, "properties": properties})))
}

fn passed(name: &'static str, title: &'static str, evidence: Vec<String>) -> Check {
    Check { name, title, outcome: Outcome::Passed, evidence, fix: String::new() }
}

fn failed(name: &'static str, title: &'static str, evidence: Vec<String>, fix: &str) -> Check {
    Check { name, title, outcome: Outcome::Failed, evidence, fix: fix.to_owned() }
}
