//! The resource a policy is asked about.

use bartizan_base::ResourceId;
use serde_json::Value;

/// A resource as policies see it: its id and its ARM body.
#[derive(Clone, Debug)]
pub struct Target {
    pub id: ResourceId,
    /// `Namespace/type[/type…]`, from the id.
    pub resource_type: String,
    /// `location`, `tags`, `kind`, `properties` …
    pub body: Value,
}

impl Target {
    /// A target whose type follows from its id.
    pub fn new(id: ResourceId, body: Value) -> Self {
        let resource_type = id.resource_type();
        Self { id, resource_type, body }
    }

    /// Whether this resource is of `resource_type`.
    pub fn is(&self, resource_type: &str) -> bool {
        self.resource_type.eq_ignore_ascii_case(resource_type)
    }

    /// `properties.{name}` as text; empty when absent or not a text.
    pub fn property(&self, name: &str) -> &str {
        self.body
            .get("properties")
            .and_then(|properties| properties.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}
