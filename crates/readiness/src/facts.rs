//! The facts of one machine under the names that rules use.

use bartizan_wire::{HostFacts, MachineFacts};
use serde_json::{Map, Value};

/// One machine: the members of [`MachineFacts`], those of [`HostFacts`] below `host`, and `clockAheadSeconds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    all: Value,
    /// Whether another vendor's antivirus runs.
    pub(crate) other_antivirus_running: bool,
}

impl Facts {
    /// Puts together what an agent reports. What it does not report stays unknown.
    pub fn new(machine: &MachineFacts, host: Option<&HostFacts>, clock_ahead_seconds: Option<i64>) -> Self {
        let mut all = members(serde_json::to_value(machine));
        // Zero is "could not be read": no machine has no memory.
        if machine.memory_bytes == 0 {
            all.remove("memoryBytes");
        }
        if let Some(host) = host {
            all.insert("host".to_owned(), Value::Object(members(serde_json::to_value(host))));
        }
        if let Some(seconds) = clock_ahead_seconds {
            all.insert("clockAheadSeconds".to_owned(), seconds.into());
        }
        let products = host.map(|host| host.protection.as_slice()).unwrap_or_default();
        let other_antivirus_running = products.iter().any(|product| product.antivirus && product.running);
        Self { all: Value::Object(all), other_antivirus_running }
    }

    /// The fact at a dotted path; absent, null and empty text are all "not reported".
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let found = path.split('.').try_fold(&self.all, |value, member| value.get(member))?;
        (!found.is_null() && found.as_str() != Some("")).then_some(found)
    }

    pub(crate) fn text(&self, path: &str) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }
}

fn members(value: serde_json::Result<Value>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
