//! Delivers decided alerts: rows, resources, incidents. Every step may be repeated without doubling anything.

use bartizan_base::{BatchId, ResourceId};
use bartizan_content::AnalyticsRule;
use bartizan_records::{ListQuery, Records};
use bartizan_store::AppendTarget;

use crate::alert::Alert;
use crate::context::DetectContext;
use crate::entities::text;
use crate::error::DetectError;
use crate::incident::Incidents;
use crate::state::RuleState;

/// Delivers `state.pending` and clears it. The caller has made the state durable before.
pub(crate) async fn deliver(
    ctx: &DetectContext,
    incidents: &Incidents,
    rule: &AnalyticsRule,
    state: &mut RuleState,
) -> Result<(), DetectError> {
    if state.pending.is_empty() {
        return Ok(());
    }
    for alert in &mut state.pending {
        alert.machine = machine(ctx, alert).await?;
    }
    let rows = state.pending.iter().map(|alert| alert.row(&ctx.workspace, &ctx.portal_url)).collect();
    let mut target = AppendTarget::new(ctx.workspace.id, ctx.workspace.tenant, "SecurityAlert");
    target.batch = Some(BatchId { source: rule.id.0, seq: state.run });
    ctx.store.append_rows(target, rows).await?;
    for alert in &state.pending {
        let entity = ctx.workspace.insights(&format!("entities/{}", alert.id))?;
        ctx.put_once(entity, alert.insights_body()).await?;
        ctx.put_once(security_alert_id(ctx, alert)?, alert.security_body(&ctx.portal_url)).await?;
        if rule.create_incident {
            incidents.add(ctx, rule, alert).await?;
        }
    }
    tracing::info!(rule = rule.name, alerts = state.pending.len(), "rule raised alerts");
    state.pending.clear();
    state.save(&ctx.records, rule.id).await
}

fn security_alert_id(ctx: &DetectContext, alert: &Alert) -> Result<ResourceId, DetectError> {
    let subscription = ctx.workspace.subscription();
    Ok(ResourceId::parse(&format!(
        "/subscriptions/{subscription}/providers/Microsoft.Security/locations/local/alerts/{}",
        alert.id
    ))?)
}

/// The connected machine that the alert's host entity names.
async fn machine(ctx: &DetectContext, alert: &Alert) -> Result<Option<String>, DetectError> {
    let Some(host) = alert.entities.iter().find(|entity| entity["Type"] == "host") else { return Ok(None) };
    let host = text(&host["HostName"]);
    Ok(find_machine(&ctx.records, &ctx.workspace.subscription(), &host).await?.map(|id| id.to_string()))
}

async fn find_machine(
    records: &Records,
    subscription: &str,
    host: &str,
) -> Result<Option<ResourceId>, DetectError> {
    let scope = ResourceId::parse(&format!("/subscriptions/{subscription}"))?;
    let short = host.split('.').next().unwrap_or(host);
    let mut after = None;
    loop {
        let query =
            ListQuery { after, ..ListQuery::of_type(scope.clone(), "Microsoft.HybridCompute/machines") };
        let page = records.list(query).await?;
        let named = |name: &str| name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(short);
        if let Some(machine) = page.items.iter().find(|machine| named(machine.id.name())) {
            return Ok(Some(machine.id.clone()));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}
