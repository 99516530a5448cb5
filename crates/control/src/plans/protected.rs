//! Protected settings of extensions: sealed to the machine's agent before they are stored.

use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Map, Value, json};

use super::desired::SEALED;

/// What is stored of the protected settings `clear` of the extension `id` on `machine`.
///
/// # Errors
/// A sentence that says why they cannot be sealed, and what to do.
pub(crate) fn seal(
    machine: Option<&Resource>,
    id: &ResourceId,
    clear: &Map<String, Value>,
) -> Result<Value, String> {
    let report = machine.and_then(|machine| machine.property("agentReport"));
    let Some(key) = report.and_then(|report| report["sealingKey"].as_str()) else {
        let text = "they are sealed to the machine's agent, and that has told no key: connect the machine, or \
            upgrade its agent, and write them then";
        return Err(text.to_owned());
    };
    let clear = Value::Object(clear.clone()).to_string();
    let sealed = bartizan_seal::seal(key, id.as_str(), clear.as_bytes())
        .map_err(|error| format!("they cannot be sealed to the agent: {error}"))?;
    Ok(json!({SEALED: sealed}))
}
