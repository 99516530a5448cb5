//! Dynamic values in answers: the Log Analytics API has texts that hold JSON, others want the JSON itself.

use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::KqlType;
use serde_json::Value;

/// Puts the JSON that dynamic cells hold in their place. What nests too deep to be read stays a text.
pub(super) fn nest(columns: &[ColumnSchema], rows: &mut [Vec<Value>]) {
    let dynamic = columns.iter().enumerate().filter(|(_, column)| column.ty == KqlType::Dynamic);
    for (at, _) in dynamic {
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            if let Some(value) = cell.as_str().and_then(|text| serde_json::from_str(text).ok()) {
                *cell = value;
            }
        }
    }
}
