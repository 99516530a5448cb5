//! What people set up once for everybody who looks at a subscription: views of the inventory by name, and how much of
//! each environment is to be covered.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::scope;
use crate::http::Failure;

const VIEW_TYPE: &str = "Bartizan.Security/inventoryViews";
const TARGETS_TYPE: &str = "Bartizan.Security/coverageTargets";
/// Views of one subscription; a menu of more is no help.
const VIEWS_MAX: usize = 100;
/// Environments that have a target of their own.
const TARGETS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 80;
const VALUE_CHARS_MAX: usize = 256;
/// The filters of a view, as they stand in the page's address.
const FILTERS_CHARS_MAX: usize = 2_000;

/// `Bartizan.Security/inventoryViews`: filters of the inventory by a name.
pub(super) struct InventoryViews;

#[async_trait]
impl Kind for InventoryViews {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let subscription = draft.id.parent().filter(scope::is_subscription);
        let Some(subscription) = subscription else {
            return Err(ApiError::invalid("views of the inventory are kept in a subscription").into());
        };
        only(draft, &["displayName", "filters"])?;
        let name = draft.text("displayName").trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            let text = format!("a view has a name of 1 to {NAME_CHARS_MAX} characters");
            return Err(ApiError::field("properties.displayName", text).into());
        }
        if !draft.property("filters").is_string() || draft.text("filters").chars().count() > FILTERS_CHARS_MAX
        {
            let text = format!(
                "`filters` is the query part of the inventory's address, at most {FILTERS_CHARS_MAX} characters"
            );
            return Err(ApiError::field("properties.filters", text).into());
        }
        if draft.before.is_none() && app.records.list_all(&subscription, VIEW_TYPE).await?.len() >= VIEWS_MAX
        {
            let text =
                format!("A subscription has at most {VIEWS_MAX} views of its inventory; delete one first.");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        draft.set("displayName", name);
        Ok(())
    }
}

/// `Bartizan.Security/coverageTargets/default`: the share of each environment, in whole percent, that is to be
/// covered. What is not named here has the target that [`DEFAULTS`] says.
pub(super) struct CoverageTargets;

/// Production is all or nothing; elsewhere people decide.
const DEFAULTS: [(&str, u64); 2] = [("prod", 100), ("production", 100)];
const OTHERWISE: u64 = 80;

#[async_trait]
impl Kind for CoverageTargets {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if !is_ours(draft.id) {
            let text = "targets are set on a subscription, under the name `default`";
            return Err(ApiError::invalid(text).into());
        }
        only(draft, &["tag", "targets", "otherwise"])?;
        let share = |path: &str, value: &Value| match value.as_u64() {
            Some(share) if share <= 100 => Ok(share),
            _ => Err(ApiError::field(path, "a target is a whole number of percent from 0 to 100")),
        };
        let tag = draft.property("tag");
        let tag = if tag.is_null() { "environment" } else { tag.as_str().unwrap_or_default() }.to_owned();
        if tag.is_empty() || tag.chars().count() > VALUE_CHARS_MAX {
            return Err(ApiError::field("properties.tag", "`tag` is the name of a tag").into());
        }
        let sent = match draft.property("targets") {
            Value::Null => serde_json::Map::new(),
            Value::Object(sent) => sent.clone(),
            _ => {
                let text = "`targets` has a number of percent by the tag's value";
                return Err(ApiError::field("properties.targets", text).into());
            }
        };
        if sent.len() > TARGETS_MAX {
            let text = format!("at most {TARGETS_MAX} values have targets of their own");
            return Err(ApiError::field("properties.targets", text).into());
        }
        let mut targets = serde_json::Map::new();
        for (value, wanted) in sent {
            let shown: String = value.chars().take(NAME_CHARS_MAX).collect();
            let path = format!("properties.targets.{shown}");
            if value.chars().count() > VALUE_CHARS_MAX {
                let text = format!("a tag's value has at most {VALUE_CHARS_MAX} characters");
                return Err(ApiError::field(&path, text).into());
            }
            // Values that differ by case are one environment.
            targets.insert(value.to_lowercase(), share(&path, &wanted)?.into());
        }
        let otherwise = match draft.property("otherwise") {
            Value::Null => OTHERWISE,
            wanted => share("properties.otherwise", wanted)?,
        };
        draft.body["properties"] = with_defaults(&tag, targets, otherwise);
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(is_ours(id).then(|| computed(id.clone(), untouched())))
    }

    async fn absent_all(&self, _app: &App, at: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let id = at.join(&format!("providers/{TARGETS_TYPE}/default")).ok().filter(is_ours);
        Ok(id.map(|id| computed(id, untouched())).into_iter().collect())
    }
}

fn is_ours(id: &ResourceId) -> bool {
    id.name().eq_ignore_ascii_case("default") && id.parent().is_some_and(|at| scope::is_subscription(&at))
}

fn untouched() -> Value {
    json!({"properties": with_defaults("environment", serde_json::Map::new(), OTHERWISE)})
}

fn with_defaults(tag: &str, mut targets: serde_json::Map<String, Value>, otherwise: u64) -> Value {
    for (value, share) in DEFAULTS {
        targets.entry(value).or_insert_with(|| share.into());
    }
    json!({"tag": tag, "targets": targets, "otherwise": otherwise})
}

/// Refuses members that nobody would look at.
fn only(draft: &Draft<'_>, known: &[&str]) -> Result<(), Failure> {
    let members = draft.body["properties"].as_object().into_iter().flatten();
    match members.map(|(name, _)| name).find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(not_one_of("properties", &name.as_str().into(), known).into()),
        None => Ok(()),
    }
}
