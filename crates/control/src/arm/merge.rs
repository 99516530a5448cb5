//! JSON merge patch (RFC 7396).

use serde_json::Value;

/// Lays `patch` over `target`: objects merge, `null` removes, everything else replaces.
pub(super) fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.shift_remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn merges_removes_and_replaces() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        super::merge(&mut target, json!({"a": {"b": null, "e": 3}, "d": [2], "f": {"g": 1}}));
        assert_eq!(target, json!({"a": {"c": 2, "e": 3}, "d": [2], "f": {"g": 1}}));
    }
}
