//! The policy definitions shipped in `content/policies`.

use std::sync::{Arc, LazyLock};

use include_dir::{Dir, include_dir};
use serde_json::Value;

use bartizan_policy::Definition;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../content/policies");

static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = SHIPPED.files().filter(|file| file.path().extension().is_some_and(|ext| ext == "json"));
    files.filter_map(|file| serde_json::from_slice(file.contents()).ok()).collect()
});

/// The shipped definitions, parsed once.
static PARSED: LazyLock<Vec<Arc<Definition>>> = LazyLock::new(|| {
    let parsed = definitions().iter().filter_map(|definition| {
        let id = definition.get("id").and_then(Value::as_str)?;
        Definition::parse(id, definition.get("properties")?).ok().map(Arc::new)
    });
    parsed.collect()
});

/// Every shipped definition, ready to be evaluated.
pub fn parsed() -> &'static [Arc<Definition>] {
    &PARSED
}

/// Every shipped definition as an ARM object, served below `/providers/Microsoft.Authorization/policyDefinitions`.
pub fn definitions() -> &'static [Value] {
    &DEFINITIONS
}

/// The shipped definition called `name` (a guid).
pub fn definition(name: &str) -> Option<&'static Value> {
    definitions().iter().find(|definition| {
        definition.get("name").and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(name))
    })
}

/// The ids of the roles that the shipped definition called `name` needs, for whoever deploys by it.
pub fn roles(name: &str) -> Vec<String> {
    let found = parsed().iter().find(|definition| definition.name().eq_ignore_ascii_case(name));
    found.map(|definition| definition.details.roles.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::component::COMPONENTS;
    use super::*;

    #[test]
    fn every_shipped_file_is_a_usable_definition() {
        assert_eq!(definitions().len(), SHIPPED.files().count());
        for definition in definitions() {
            let id = definition["id"].as_str().unwrap();
            assert!(id.ends_with(definition["name"].as_str().unwrap()), "{id}");
            Definition::parse(id, &definition["properties"]).unwrap();
        }
    }

    #[test]
    fn every_component_has_its_definition() {
        for component in &COMPONENTS {
            let definition = definition(component.definition).expect(component.definition);
            assert!(definition.to_string().contains(component.extension), "{}", component.name);
        }
    }
}
