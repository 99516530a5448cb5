//! Puts the shipped detections into a workspace as rules, once each.

use bartizan_content::Pack;
use bartizan_records::{Actor, Condition, Write};
use serde_json::json;

use crate::context::DetectContext;
use crate::error::DetectError;

/// Installs what is new in this build. A rule that somebody deleted or changed stays deleted or changed: the
/// state remembers which were ever installed.
pub(crate) async fn install(ctx: &DetectContext) -> Result<(), DetectError> {
    let (pack, findings) = Pack::shipped();
    for finding in findings {
        tracing::error!(path = finding.path, problem = finding.message, "shipped detection cannot be used");
    }
    for detection in pack.detections {
        let key = format!("detect/installed/{}", detection.rule.id);
        if ctx.records.get_state(&key).await?.is_some() {
            continue;
        }
        let id = ctx.workspace.insights(&format!("alertRules/{}", detection.rule.id))?;
        let mut body = detection.rule.to_arm();
        body["properties"]["alertRuleTemplateName"] = json!(detection.rule.id);
        if ctx.records.get(&id).await?.is_none() {
            let actor = Actor::system("content");
            ctx.records.put(Write { id, body, condition: Condition::None, actor, audit: true }).await?;
        }
        ctx.records.put_state(&key, json!({"version": detection.rule.version})).await?;
    }
    Ok(())
}
