//! Bartizan.Security/prices: what an hour of a plan costs, for usage reports.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::prices::{MEMBERS, PRICES_TYPE, Prices};
use crate::arm::scope;
use crate::http::Failure;

/// Highest price of an hour.
const PRICE_MAX: f64 = 1e6;

pub(super) struct PriceLists;

#[async_trait]
impl Kind for PriceLists {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if !is_ours(draft.id) {
            return Err(
                ApiError::invalid("prices are set on a subscription, under the name `default`").into()
            );
        }
        let properties = draft.body["properties"].as_object().cloned().unwrap_or_default();
        for (name, value) in &properties {
            let path = format!("properties.{name}");
            if name == "currency" {
                let right = value
                    .as_str()
                    .is_some_and(|text| text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase()));
                if !right {
                    return Err(
                        ApiError::field(&path, "a currency is three capital letters, such as EUR").into()
                    );
                }
            } else if MEMBERS.iter().any(|(known, _)| known == name) {
                if !value.as_f64().is_some_and(|price| (0.0..=PRICE_MAX).contains(&price)) {
                    return Err(ApiError::field(
                        &path,
                        "a price is a number from 0 to 1000000, by the hour of a machine",
                    )
                    .into());
                }
            } else {
                let mut known = vec!["currency"];
                known.extend(MEMBERS.iter().map(|(name, _)| *name));
                return Err(not_one_of("properties", &name.as_str().into(), &known).into());
            }
        }
        draft.body["properties"] = Prices::read(&Value::Object(properties)).to_json();
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(is_ours(id).then(|| computed(id.clone(), published())))
    }

    async fn absent_all(&self, _app: &App, at: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let id = at.join(&format!("providers/{PRICES_TYPE}/default")).ok().filter(is_ours);
        Ok(id.map(|id| computed(id, published())).into_iter().collect())
    }
}

fn is_ours(id: &ResourceId) -> bool {
    id.name().eq_ignore_ascii_case("default") && id.parent().is_some_and(|at| scope::is_subscription(&at))
}

fn published() -> Value {
    json!({"properties": Prices::read(&Value::Null).to_json()})
}
