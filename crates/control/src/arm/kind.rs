//! What a resource type does beyond being stored.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::{Resource, Written};
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::http::Failure;

/// A write on its way into the records.
pub(super) struct Draft<'a> {
    pub(super) id: &'a ResourceId,
    pub(super) caller: &'a Caller,
    /// What is stored now.
    pub(super) before: Option<&'a Resource>,
    /// What will be stored; an object whose `properties` is an object.
    pub(super) body: Value,
    /// What came with the body and is not stored in it, for [`Kind::fill`].
    pub(super) aside: Option<Value>,
}

impl Draft<'_> {
    /// `properties.<name>` of the new body.
    pub(super) fn property(&self, name: &str) -> &Value {
        &self.body["properties"][name]
    }

    /// The same as text, empty when it is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.property(name).as_str().unwrap_or_default()
    }

    /// Sets `properties.<name>`.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.body["properties"][name] = value.into();
    }

    /// Keeps what the server owns: the stored value stays, whatever the client sent; without one the
    /// client's is dropped.
    pub(super) fn keep(&mut self, names: &[&str]) {
        for name in names {
            let stored = self.before.and_then(|before| before.property(name)).cloned();
            let properties = self.body["properties"].as_object_mut().expect("a draft has properties");
            match stored {
                Some(value) => drop(properties.insert((*name).to_owned(), value)),
                None => drop(properties.shift_remove(*name)),
            }
        }
    }
}

/// Behaviour of a type. The defaults are those of a plain document.
#[async_trait]
pub(super) trait Kind: Send + Sync {
    /// Checks and completes a body before it is written.
    async fn prepare(&self, _app: &App, _draft: &mut Draft<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// What no other resource of the type may be when this body is written; asked again in the transaction that writes.
    fn rival(&self, _id: &ResourceId, _body: &Value) -> Option<fn(&Resource) -> bool> {
        None
    }

    /// Acts upon a committed write.
    async fn written(&self, _app: &App, _written: &Written) -> Result<(), Failure> {
        Ok(())
    }

    /// Acts upon what [`Kind::prepare`] laid aside, after the write is committed.
    async fn fill(
        &self,
        _app: &App,
        _caller: &Caller,
        _written: &Written,
        _aside: Value,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// Completes a resource for an answer by what follows from other resources or from the time.
    async fn present(&self, _app: &App, _found: &mut Resource) -> Result<(), Failure> {
        Ok(())
    }

    /// A resource that is there without being stored: a default, a built-in.
    async fn absent(&self, _app: &App, _id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(None)
    }

    /// All of those within `scope`, for lists.
    async fn absent_all(&self, _app: &App, _scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        Ok(Vec::new())
    }

    /// Instead of deleting at once; `true` when the kind took care of it.
    async fn delete(&self, _app: &App, _caller: &Caller, _stored: &Resource) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// A plain document.
pub(super) struct Plain;

impl Kind for Plain {}

/// A resource that is computed, not stored.
pub(super) fn computed(id: ResourceId, body: Value) -> Resource {
    let resource_type = id.resource_type();
    let never = bartizan_base::Ticks(0);
    Resource { id, resource_type, etag: "\"0\"".to_owned(), body, created: never, modified: never }
}
