//! From a machine's extension resources to what its agent should run.

use std::collections::BTreeMap;

use bartizan_base::ResourceId;
use bartizan_records::Resource;
use bartizan_wire::{
    AgentCommand, DesiredAgent, DesiredExtension, DesiredState, ExtensionProgram, SealedText,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{component, extension};

/// A data collection rule, as far as agents need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRule {
    pub id: ResourceId,
    /// `dcr-` and 32 hex digits.
    pub immutable_id: String,
    /// The streams it takes; empty for the default rule, which takes every standard table's.
    pub streams: Vec<String>,
    /// Settings of the monitor that follow from the rule's data sources, by stream.
    pub collected: Vec<(&'static str, Map<String, Value>)>,
}

impl CollectionRule {
    /// Reads a `Microsoft.Insights/dataCollectionRules` resource.
    pub fn parse(resource: &Resource) -> Option<Self> {
        let flows = resource.property("dataFlows").and_then(Value::as_array).into_iter().flatten();
        let streams =
            flows.flat_map(|flow| flow.get("streams").and_then(Value::as_array).into_iter().flatten());
        Some(Self {
            id: resource.id.clone(),
            immutable_id: resource.property("immutableId").and_then(Value::as_str)?.to_owned(),
            streams: streams.filter_map(|stream| stream.as_str().map(str::to_owned)).collect(),
            collected: collected(resource.property("dataSources").unwrap_or(&Value::Null)),
        })
    }
}

/// The names that Azure has for syslog's levels, and those of the messages.
const LEVELS: [(&str, &str); 8] = [
    ("Debug", "debug"),
    ("Info", "info"),
    ("Notice", "notice"),
    ("Warning", "warning"),
    ("Error", "err"),
    ("Critical", "crit"),
    ("Alert", "alert"),
    ("Emergency", "emerg"),
];

/// What a rule's data sources mean for the monitor's settings. A rule without sources of a kind leaves the
/// settings of that kind alone.
fn collected(sources: &Value) -> Vec<(&'static str, Map<String, Value>)> {
    let entries = |kind: &str| sources[kind].as_array().filter(|entries| !entries.is_empty());
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        all.map(str::to_owned).collect()
    };
    let mut out = Vec::new();
    if let Some(entries) = entries("syslog") {
        // An empty list stands for all of them.
        let any = |names: Vec<String>| if names.iter().any(|name| name == "*") { Vec::new() } else { names };
        let level = |name: String| {
            let known = LEVELS.iter().find(|(azure, _)| azure.eq_ignore_ascii_case(&name));
            known.map_or(name, |(_, own)| (*own).to_owned())
        };
        let filters = entries.iter().map(|entry| {
            let levels: Vec<String> = any(texts(&entry["logLevels"])).into_iter().map(level).collect();
            let facilities = any(texts(&entry["facilityNames"]));
            json!({"facilities": facilities, "levels": levels})
        });
        out.push(("Microsoft-Syslog", Map::from_iter([("syslog".to_owned(), filters.collect())])));
    }
    if let Some(entries) = entries("performanceCounters") {
        let counters: Vec<String> =
            entries.iter().flat_map(|entry| texts(&entry["counterSpecifiers"])).collect();
        let mut settings = Map::from_iter([("perfCounters".to_owned(), json!(counters))]);
        let seconds = entries.iter().filter_map(|entry| entry["samplingFrequencyInSeconds"].as_u64()).min();
        settings.extend(seconds.map(|seconds| ("perfIntervalSeconds".to_owned(), json!(seconds))));
        out.push(("Microsoft-Perf", settings));
    }
    out
}

/// The desired state of a machine. `previous` is the last one that was computed for it: the generation grows
/// exactly when the content differs from it. `rules` are the machine's own collection rules, nearest first,
/// and the default rule last. `withheld` are streams that no plan of the machine includes: they are not collected.
pub fn desired_state(
    extensions: &[Resource],
    rules: &[CollectionRule],
    withheld: &[&str],
    commands: Vec<AgentCommand>,
    agent: Option<DesiredAgent>,
    previous: Option<&DesiredState>,
) -> DesiredState {
    let mut wanted: Vec<DesiredExtension> = extensions
        .iter()
        .filter(|resource| !extension::provisioning_state(resource).eq_ignore_ascii_case("Deleting"))
        .map(|resource| desired_extension(resource, rules, withheld))
        .collect();
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let same = previous.is_some_and(|previous| {
        previous.extensions == wanted && previous.commands == commands && previous.agent == agent
    });
    let generation = previous.map_or(1, |previous| previous.generation + u64::from(!same));
    DesiredState { generation, extensions: wanted, commands, agent }
}

fn desired_extension(resource: &Resource, rules: &[CollectionRule], withheld: &[&str]) -> DesiredExtension {
    let text = |name: &str| resource.property(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (publisher, kind) = (text("publisher"), text("type"));
    let found = component::find(&publisher, &kind);
    let sent = found.map(|component| component.streams).unwrap_or_default();
    let sent: Vec<&str> = sent.iter().copied().filter(|stream| !withheld.contains(stream)).collect();
    let streams = streams(&sent, rules);
    DesiredExtension {
        name: resource.id.name().to_owned(),
        program: found.map_or(ExtensionProgram::Unknown, |component| component.program),
        version: text("typeHandlerVersion"),
        settings: with_collected(settings(resource), &streams, rules),
        protected: protected(resource),
        streams,
        publisher,
        kind,
    }
}

/// The member of stored `protectedSettings` that holds them, sealed to the agent.
pub const SEALED: &str = "sealed";

/// Protected settings, as only the agent can open them.
fn protected(resource: &Resource) -> Option<SealedText> {
    SealedText::deserialize(resource.property("protectedSettings")?.get(SEALED)?).ok()
}

/// Public settings, and over them protected ones that come in clear: from a policy's template, or from before they were
/// sealed.
fn settings(resource: &Resource) -> Value {
    let mut settings = Map::new();
    let parts: &[&str] =
        if protected(resource).is_some() { &["settings"] } else { &["settings", "protectedSettings"] };
    for part in parts {
        let members = resource.property(part).and_then(Value::as_object).into_iter().flatten();
        settings.extend(members.map(|(name, value)| (name.clone(), value.clone())));
    }
    if settings.is_empty() { json!({}) } else { Value::Object(settings) }
}

/// The extension's settings and, over them, what the rules that take its streams want collected.
fn with_collected(
    mut settings: Value,
    streams: &BTreeMap<String, String>,
    rules: &[CollectionRule],
) -> Value {
    for (stream, immutable_id) in streams {
        let rule = rules.iter().find(|rule| rule.immutable_id == *immutable_id);
        let wanted = rule.into_iter().flat_map(|rule| &rule.collected).filter(|(of, _)| of == stream);
        for (name, value) in wanted.flat_map(|(_, settings)| settings) {
            settings[name.as_str()] = value.clone();
        }
    }
    settings
}

fn streams(wanted: &[&str], rules: &[CollectionRule]) -> BTreeMap<String, String> {
    let takes = |rule: &&CollectionRule, stream: &str| {
        rule.streams.is_empty() || rule.streams.iter().any(|taken| taken.eq_ignore_ascii_case(stream))
    };
    let last = rules.last();
    wanted
        .iter()
        .filter_map(|stream| {
            let rule = rules.iter().find(|rule| takes(rule, stream)).or(last)?;
            Some(((*stream).to_owned(), rule.immutable_id.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Ticks;

    const MACHINE: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-1";

    fn extension(name: &str, properties: Value) -> Resource {
        let id = ResourceId::parse(&format!("{MACHINE}/extensions/{name}")).unwrap();
        Resource {
            resource_type: id.resource_type(),
            id,
            etag: String::new(),
            body: json!({"properties": properties}),
            created: Ticks(0),
            modified: Ticks(0),
        }
    }

    fn rule(immutable_id: &str, streams: &[&str]) -> CollectionRule {
        let id = ResourceId::parse(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionRules/r",
        )
        .unwrap();
        CollectionRule {
            id,
            immutable_id: immutable_id.to_owned(),
            streams: streams.iter().map(|s| (*s).to_owned()).collect(),
            collected: Vec::new(),
        }
    }

    #[test]
    fn generation_grows_only_with_the_content() {
        let monitor = extension(
            "AzureMonitorLinuxAgent",
            json!({"publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent", "typeHandlerVersion": "1.0",
                   "provisioningState": "Creating", "settings": {"a": 1}, "protectedSettings": {"b": 2}}),
        );
        let rules = [rule("dcr-own", &["Microsoft-Syslog"]), rule("dcr-default", &[])];
        let first = desired_state(std::slice::from_ref(&monitor), &rules, &[], vec![], None, None);
        assert_eq!(first.generation, 1);
        let extension = &first.extensions[0];
        assert_eq!(extension.program, ExtensionProgram::Monitor);
        assert_eq!(extension.settings, json!({"a": 1, "b": 2}));
        assert_eq!(extension.streams["Microsoft-Syslog"], "dcr-own");
        assert_eq!(extension.streams["Microsoft-Perf"], "dcr-default");

        let mut sealed = monitor.clone();
        sealed.body["properties"]["protectedSettings"] =
            json!({"sealed": {"key": "k", "secret": "s", "text": "t"}});
        let state = desired_state(&[sealed], &rules, &[], vec![], None, None);
        assert_eq!(state.extensions[0].settings, json!({"a": 1}), "only the agent opens the others");
        assert_eq!(state.extensions[0].protected.as_ref().unwrap().text, "t");

        let mut running = monitor.clone();
        running.body["properties"]["provisioningState"] = "Succeeded".into();
        let again = desired_state(&[running], &rules, &[], vec![], None, Some(&first));
        assert_eq!(again, first, "the agent's own progress is no change of what is wanted");

        let mut leaving = monitor;
        leaving.body["properties"]["provisioningState"] = "Deleting".into();
        let off = desired_state(&[leaving], &rules, &[], vec![], None, Some(&first));
        assert_eq!((off.generation, off.extensions.len()), (2, 0));
    }

    #[test]
    fn a_rules_sources_become_settings_of_the_monitor() {
        let monitor = extension(
            "AzureMonitorLinuxAgent",
            json!({"publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent", "settings": {"journal": false}}),
        );
        let mut own = rule("dcr-own", &["Microsoft-Syslog"]);
        own.collected = collected(&json!({
            "syslog": [{"facilityNames": ["auth"], "logLevels": ["Error", "Emergency"]}, {"facilityNames": ["*"], "logLevels": ["*"]}],
            // This rule does not take the stream of counters.
            "performanceCounters": [{"counterSpecifiers": ["Memory\\*"], "samplingFrequencyInSeconds": 10}],
        }));
        let state = desired_state(&[monitor], &[own, rule("dcr-default", &[])], &[], vec![], None, None);
        assert_eq!(
            state.extensions[0].settings,
            json!({"journal": false, "syslog": [
                {"facilities": ["auth"], "levels": ["err", "emerg"]}, {"facilities": [], "levels": []},
            ]})
        );
    }

    #[test]
    fn an_unknown_publisher_is_passed_on_as_unknown() {
        let odd = extension("X", json!({"publisher": "Somebody.Else", "type": "MDE.Linux"}));
        let state = desired_state(&[odd], &[], &[], vec![], None, None);
        assert_eq!(state.extensions[0].program, ExtensionProgram::Unknown);
        assert!(state.extensions[0].streams.is_empty());
    }
}
