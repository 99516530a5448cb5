//! What a careful reviewer would check of the shipped assessments, and their fixtures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bartizan_base::Ticks;
use bartizan_posture::assessment::{Assessment, Code};
use bartizan_posture::catalog::Catalog;
use serde_json::Value;

/// The moment fixtures are decided at unless they name another as `now`.
const NOW: &str = "2026-03-01T12:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/assessments")
}

/// Every folder that holds an assessment, with the assessment.
fn folders() -> Vec<(PathBuf, Assessment)> {
    let areas =
        std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders = areas.flat_map(|area| std::fs::read_dir(area).unwrap().map(|entry| entry.unwrap().path()));
    folders
        .map(|folder| {
            let text = std::fs::read_to_string(folder.join("assessment.yaml")).unwrap();
            let assessment =
                serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            (folder, assessment)
        })
        .collect()
}

/// Runs `{code}.jsonl`: each line holds facts, and may name the expected `cause` and `message`.
fn check(folder: &Path, assessment: &Assessment, file: &str, expected: Code) -> usize {
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else { return 0 };
    for line in text.lines() {
        let mut facts: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}/{file}: {error}", folder.display()));
        let name = format!("{}/{file}: {}", folder.display(), facts["case"]);
        let now = facts.get("now").and_then(Value::as_str).unwrap_or(NOW).to_owned();
        facts["now"] = now.as_str().into();
        let decision = assessment.decide(&facts, Ticks::parse(&now).unwrap());
        assert_eq!(decision.code, expected, "{name}: {decision:?}");
        for (field, found) in [("cause", &decision.cause), ("message", &decision.message)] {
            if let Some(wanted) = facts.get(field).and_then(Value::as_str) {
                assert_eq!(found, wanted, "{name}");
            }
        }
        assert!(
            !decision.message.contains("unknown"),
            "{name}: the message quotes an absent fact: {}",
            decision.message
        );
        assert!(decision.code == Code::Healthy || !decision.cause.is_empty(), "{name}: no cause");
    }
    text.lines().count()
}

#[test]
fn every_fixture_is_decided_as_its_file_says() {
    for (folder, assessment) in folders() {
        let healthy = check(&folder, &assessment, "healthy.jsonl", Code::Healthy);
        let unhealthy = check(&folder, &assessment, "unhealthy.jsonl", Code::Unhealthy);
        check(&folder, &assessment, "notapplicable.jsonl", Code::NotApplicable);
        assert!(healthy > 0 && unhealthy > 0, "{}: both answers need a fixture", folder.display());
    }
}

#[test]
fn shipped_content_loads() {
    let catalog = Catalog::shipped().unwrap();
    assert_eq!(catalog.assessments.len(), folders().len());
    assert!(catalog.assessments.len() >= 8);
}

#[test]
fn metadata_is_complete_and_in_azures_words() {
    let catalog = Catalog::shipped().unwrap();
    for assessment in &catalog.assessments {
        let name = &assessment.display_name;
        assert!(["Low", "Medium", "High"].contains(&assessment.severity.as_str()), "{name}");
        for word in [&assessment.user_impact, &assessment.implementation_effort] {
            assert!(["Low", "Moderate", "High"].contains(&word.as_str()), "{name}: {word}");
        }
        let known = ["Compute", "Networking", "Data", "IdentityAndAccess", "IoT"];
        assert!(assessment.categories.iter().all(|category| known.contains(&category.as_str())), "{name}");
        let threats = [
            "accountBreach",
            "dataExfiltration",
            "dataSpillage",
            "maliciousInsider",
            "elevationOfPrivilege",
            "threatResistance",
            "missingCoverage",
            "denialOfService",
        ];
        let is_threat = |threat: &String| threats.iter().any(|known| known.eq_ignore_ascii_case(threat));
        assert!(assessment.threats.iter().all(is_threat), "{name}");
        assert!(assessment.description.len() > 60 && assessment.remediation.len() > 10, "{name}");
        let metadata = assessment.metadata_resource();
        assert_eq!(metadata["name"], assessment.key.to_string());
        assert_eq!(metadata["properties"]["assessmentType"], "BuiltIn");
    }
}

#[test]
fn controls_have_their_published_scores() {
    let catalog = Catalog::shipped().unwrap();
    let ids: BTreeSet<&str> = catalog.controls.iter().map(|control| control.id.as_str()).collect();
    assert_eq!(ids.len(), catalog.controls.len());
    let shared = std::env::var("BARTIZAN_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let Ok(text) = std::fs::read_to_string(shared.join("azure/recommendations.json")) else {
        println!("skipped: the published recommendation list is not at {}", shared.display());
        return;
    };
    let published: Value = serde_json::from_str(&text).unwrap();
    for control in published["controls"].as_array().unwrap() {
        let ours = catalog.controls.iter().find(|ours| ours.display_name == control["displayName"]);
        assert_eq!(ours.map(|ours| u64::from(ours.max_score)), control["maxScore"].as_u64(), "{control}");
    }
    let all: Vec<&Value> = published["recommendations"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|group| group.as_array().unwrap())
        .collect();
    let mut same = 0;
    for assessment in &catalog.assessments {
        let theirs = all.iter().find(|theirs| theirs["assessmentKey"] == assessment.key.to_string());
        if let Some(theirs) = theirs {
            assert_eq!(theirs["displayName"], assessment.display_name.as_str());
            assert!(
                theirs["severity"].is_null() || theirs["severity"] == assessment.severity.as_str(),
                "{theirs}"
            );
            same += 1;
        }
    }
    assert!(same >= 8, "{same} assessments are Azure's own");
}
