//! The resource a policy is asked about.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use serde_json::Value;

/// A resource as policies see it: its id, its ARM body, and what it lies in.
#[derive(Clone, Debug)]
pub struct Target {
    pub id: ResourceId,
    /// `Namespace/type[/type…]`, from the id.
    pub resource_type: String,
    /// `location`, `tags`, `kind`, `properties` …
    pub body: Value,
    /// Body of the resource group that it lies in, for `resourceGroup()`; `None` leaves name and id.
    pub group: Option<Arc<Value>>,
    /// Body of the subscription that it lies in, for `subscription()`; `None` leaves the id.
    pub subscription: Option<Arc<Value>>,
    /// When it was written, for `evaluationDelay`; `None` waits for nothing.
    pub written: Option<Ticks>,
    names: Names,
}

/// What fields that are no members of the body read, made once for all the policies that ask.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) ty: Value,
    pub(crate) name: Value,
    pub(crate) full_name: Value,
    pub(crate) id: Value,
}

impl Target {
    /// A target whose type follows from its id.
    pub fn new(id: ResourceId, body: Value) -> Self {
        let resource_type = id.resource_type();
        let names = Names {
            ty: resource_type.as_str().into(),
            name: id.name().into(),
            full_name: full_name(&id).into(),
            id: id.as_str().into(),
        };
        Self { id, resource_type, body, group: None, subscription: None, written: None, names }
    }

    /// The same target with the bodies of its resource group and subscription.
    #[must_use]
    pub fn within(mut self, group: Option<Arc<Value>>, subscription: Option<Arc<Value>>) -> Self {
        (self.group, self.subscription) = (group, subscription);
        self
    }

    /// The same target, written at this moment.
    #[must_use]
    pub fn written_at(mut self, written: Ticks) -> Self {
        self.written = Some(written);
        self
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

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }
}

/// `machine/extension` for a child resource, as ARM writes names of children; a scope's own name otherwise.
fn full_name(id: &ResourceId) -> String {
    match id.key().rfind("/providers/") {
        Some(at) => {
            let provider = &id.as_str()[at + "/providers/".len()..];
            provider.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/")
        }
        None => id.name().to_owned(),
    }
}
