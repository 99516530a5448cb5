//! Definitions in the layout that Azure publishes: those shipped here, and, where the reference material is there, the
//! effects and parameter values of the published ones.

use std::path::{Path, PathBuf};

use bartizan_policy::{Definition, Effect};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_shipped_definition_is_usable() {
    let files =
        std::fs::read_dir(root().join("content/policies")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let definition: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        Definition::parse(definition["id"].as_str().unwrap(), &definition["properties"])
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[test]
fn every_published_effect_is_known() {
    let path = root().join("../shared/azure/policies.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("not run: the reference material is not at {}", path.display());
        return;
    };
    let published: Value = serde_json::from_str(&text).unwrap();
    let policies = published["policies"].as_object().unwrap();
    let unknown: Vec<String> = policies
        .iter()
        .flat_map(|(id, policy)| {
            let allowed = policy["allowed"].as_array().into_iter().flatten();
            allowed.chain([&policy["e"]]).filter_map(Value::as_str).map(move |effect| (id, effect))
        })
        // `mutate` exists in definitions of the data-plane mode of Kubernetes only, which are not evaluated here.
        .filter(|(_, effect)| Effect::parse(effect).is_none() && !effect.eq_ignore_ascii_case("mutate"))
        .map(|(id, effect)| format!("{id}: {effect}"))
        .collect();
    assert!(unknown.is_empty(), "{} of {}: {unknown:?}", unknown.len(), policies.len());
    assert!(policies.len() > 500);
}
