//! What an hour of a plan costs: a resource of the subscription, for its usage report. Nobody is sent a bill.

use bartizan_base::ResourceId;
use bartizan_records::{Records, RecordsError};
use serde_json::{Value, json};

/// The type of a subscription's prices.
pub(crate) const PRICES_TYPE: &str = "Bartizan.Security/prices";
/// Published list prices are by the month of 730 hours: 5 for P1, 15 for P2, 5 for Defender CSPM.
const HOURS_OF_MONTH: f64 = 730.0;
/// Names of the members that are prices, with what they are unless set.
pub(crate) const MEMBERS: [(&str, f64); 3] = [
    ("serversP1Hour", 5.0 / HOURS_OF_MONTH),
    ("serversP2Hour", 15.0 / HOURS_OF_MONTH),
    ("postureHour", 5.0 / HOURS_OF_MONTH),
];

/// Prices by the hour of one machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prices {
    currency: String,
    per_hour: [f64; 3],
}

impl Prices {
    /// Reads `properties`; what is missing is as published.
    pub(crate) fn read(properties: &Value) -> Self {
        Self {
            currency: properties["currency"].as_str().unwrap_or("USD").to_owned(),
            per_hour: MEMBERS.map(|(name, default)| {
                let rounded = (default * 1e6).round() / 1e6;
                properties[name].as_f64().unwrap_or(rounded)
            }),
        }
    }

    /// Of Servers P1, Servers P2 and Defender CSPM.
    pub(crate) fn per_hour(&self) -> [f64; 3] {
        self.per_hour
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut out = json!({"currency": self.currency});
        for ((name, _), price) in MEMBERS.iter().zip(self.per_hour) {
            out[*name] = price.into();
        }
        out
    }
}

/// A subscription's prices.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn prices(records: &Records, subscription: &ResourceId) -> Result<Prices, RecordsError> {
    let stored = match subscription.join(&format!("providers/{PRICES_TYPE}/default")) {
        Ok(id) => records.get(&id).await?,
        Err(_) => None,
    };
    let none = Value::Null;
    Ok(Prices::read(stored.as_ref().and_then(|stored| stored.body.get("properties")).unwrap_or(&none)))
}
