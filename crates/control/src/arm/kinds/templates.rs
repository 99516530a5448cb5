//! Templates of analytics rules: the detections that ship with this build.

use std::sync::OnceLock;

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_content::{AnalyticsRule, Pack};
use bartizan_records::Resource;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Kind, computed};
use crate::http::Failure;

const RULE_TYPE: &str = "Microsoft.SecurityInsights/alertRules";
/// What a rule has and its template has not.
const OF_RULES: [&str; 5] =
    ["enabled", "incidentConfiguration", "suppressionEnabled", "suppressionDuration", "templateVersion"];

pub(super) struct Templates;

#[async_trait]
impl Kind for Templates {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let scope = id.parent().unwrap_or_else(|| app.home.subscription_id());
        let all = self.absent_all(app, &scope).await?;
        Ok(all.into_iter().find(|template| template.id == *id))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        if *scope != app.home.workspace {
            return Ok(Vec::new());
        }
        let rules = app.records.list_all(scope, RULE_TYPE).await?;
        let made_from = |id: &str| {
            let of = |rule: &&Resource| {
                let name = rule.property("alertRuleTemplateName").and_then(Value::as_str);
                name.is_some_and(|name| name.eq_ignore_ascii_case(id))
            };
            rules.iter().filter(of).count()
        };
        let resource = |rule: &AnalyticsRule| {
            let name = rule.id.to_string();
            let id = scope
                .join(&format!("providers/Microsoft.SecurityInsights/alertRuleTemplates/{name}"))
                .ok()?;
            Some(computed(id, body(rule, made_from(&name))))
        };
        Ok(shipped().iter().filter_map(resource).collect())
    }
}

/// Read once: reading is parsing some hundred files.
fn shipped() -> &'static [AnalyticsRule] {
    static SHIPPED: OnceLock<Vec<AnalyticsRule>> = OnceLock::new();
    SHIPPED.get_or_init(|| Pack::shipped().0.detections.into_iter().map(|detection| detection.rule).collect())
}

fn body(rule: &AnalyticsRule, made: usize) -> Value {
    let mut body = rule.to_arm();
    if let Some(properties) = body["properties"].as_object_mut() {
        OF_RULES.iter().for_each(|name| drop(properties.shift_remove(*name)));
        properties.insert("version".to_owned(), rule.version.as_str().into());
        properties.insert("status".to_owned(), if made == 0 { "Available" } else { "Installed" }.into());
        properties.insert("alertRulesCreatedByTemplateCount".to_owned(), made.into());
        properties.insert("requiredDataConnectors".to_owned(), json!([]));
    }
    body
}
