//! An assessment: what it is about, how it is shown, and what decides it.

use bartizan_base::{AssessmentKey, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::condition::Condition;
use crate::path;

/// Which resources an assessment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SubjectKind {
    Machine,
    Subscription,
}

/// The three answers, as Azure names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    Healthy,
    Unhealthy,
    NotApplicable,
}

impl Code {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Unhealthy => "Unhealthy",
            Self::NotApplicable => "NotApplicable",
        }
    }

    /// The code by its name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Healthy, Self::Unhealthy, Self::NotApplicable].into_iter().find(|code| code.as_str() == text)
    }
}

/// One `assessment.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assessment {
    pub key: AssessmentKey,
    pub display_name: String,
    pub description: String,
    /// What to do, as Markdown.
    pub remediation: String,
    pub severity: String,
    pub categories: Vec<String>,
    /// Display name of the secure score control it belongs to.
    pub control: String,
    pub user_impact: String,
    pub implementation_effort: String,
    pub threats: Vec<String>,
    #[serde(default)]
    pub tactics: Vec<String>,
    #[serde(default)]
    pub techniques: Vec<String>,
    /// Name of the Azure built-in definition that asks the same, where there is one.
    pub policy_definition: Option<String>,
    /// A preview counts in no score.
    #[serde(default)]
    pub preview: bool,
    pub subject: SubjectKind,
    /// The first rule that holds decides.
    pub decide: Vec<Rule>,
    /// Decides when no rule holds.
    pub otherwise: Answer,
    /// Named values shown beside the answer; texts with `{path}`.
    #[serde(default)]
    pub data: std::collections::BTreeMap<String, String>,
    /// Known blind spots, for whoever relies on the answer.
    #[serde(default)]
    pub blind_spots: Vec<String>,
}

/// An answer with its condition.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    pub when: Condition,
    #[serde(flatten)]
    pub answer: Answer,
}

/// An answer as written: texts may quote facts.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    pub status: Code,
    #[serde(default)]
    pub cause: String,
    pub message: String,
}

/// The answer for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub code: Code,
    pub cause: String,
    pub message: String,
    pub data: Vec<(String, String)>,
}

impl Assessment {
    /// Decides from the facts about one resource.
    pub fn decide(&self, facts: &Value, now: Ticks) -> Decision {
        let rule = self.decide.iter().find(|rule| rule.when.holds(facts, now));
        let answer = rule.map_or(&self.otherwise, |rule| &rule.answer);
        Decision {
            code: answer.status,
            cause: answer.cause.clone(),
            message: path::fill(&answer.message, facts),
            data: self.data.iter().map(|(name, text)| (name.clone(), path::fill(text, facts))).collect(),
        }
    }

    /// `properties` of the `assessmentMetadata` resource.
    pub fn metadata(&self) -> Value {
        let mut properties = json!({
            "displayName": self.display_name,
            "description": self.description,
            "remediationDescription": self.remediation,
            "categories": self.categories,
            "severity": self.severity,
            "userImpact": self.user_impact,
            "implementationEffort": self.implementation_effort,
            "threats": self.threats,
            "preview": self.preview,
            "assessmentType": "BuiltIn",
        });
        let lists = [("tactics", &self.tactics), ("techniques", &self.techniques)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            properties[name] = json!(list);
        }
        if let Some(id) = self.policy_definition_id() {
            properties["policyDefinitionId"] = id.into();
        }
        properties
    }

    /// The ARM object of the `assessmentMetadata` resource.
    pub fn metadata_resource(&self) -> Value {
        let mut object = Map::new();
        object.insert(
            "id".to_owned(),
            format!("/providers/Microsoft.Security/assessmentMetadata/{}", self.key).into(),
        );
        object.insert("name".to_owned(), self.key.to_string().into());
        object.insert("type".to_owned(), "Microsoft.Security/assessmentMetadata".into());
        object.insert("properties".to_owned(), self.metadata());
        Value::Object(object)
    }

    /// The full id of the built-in policy, if any.
    pub fn policy_definition_id(&self) -> Option<String> {
        let name = self.policy_definition.as_ref()?;
        Some(format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"))
    }
}
