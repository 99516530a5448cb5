//! Which rules a machine may send by, when their rows leave the home workspace. A certificate says which machine it
//! is; without this, one that is taken over could fill any workspace whose rule it has heard of.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use serde_json::Value;

use crate::app::App;
use crate::http::Failure;
use crate::logs::destination;
use crate::logs::subscription_workspace;

const ASSOCIATION_TYPE: &str = "Microsoft.Insights/dataCollectionRuleAssociations";

/// Refuses a rule that has nothing to do with the machine: it is not of its subscription, is not associated with it,
/// and does not send to the workspace that was chosen for it.
pub(super) async fn may_use(app: &App, machine: &ResourceId, rule: &Resource) -> Result<(), Failure> {
    let subscription = |id: &ResourceId| id.subscription().map(str::to_ascii_lowercase);
    if subscription(machine) == subscription(&rule.id) {
        return Ok(());
    }
    let associations = app.records.list_all(machine, ASSOCIATION_TYPE).await?;
    let is_of_rule = |association: &Resource| {
        let id = association.property("dataCollectionRuleId").and_then(Value::as_str);
        id.and_then(|id| ResourceId::parse(id).ok()).as_ref() == Some(&rule.id)
    };
    if associations.iter().any(is_of_rule) {
        return Ok(());
    }
    if let Some(chosen) = subscription_workspace::of_machine(app, machine).await?
        && destination::sends_to(rule, &chosen)
    {
        return Ok(());
    }
    // Not for good: an agent keeps its rows until it hears of its new rules.
    let text = format!("The rule '{}' is not for the machine `{machine}`.", rule.id.name());
    Err(ApiError::new(ErrorKind::Forbidden, text).into())
}
