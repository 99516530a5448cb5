//! The columns the server fills, whatever a sender wrote.

use std::collections::BTreeMap;

use bartizan_base::{ResourceId, TenantId, Ticks};
use bartizan_schema::KqlType;

use super::Layout;
use super::column::ColumnBuilder;
use crate::append::AppendTarget;

/// Tables whose rows are free in Log Analytics, or that only the server writes: `_IsBillable` is `false` and
/// meters skip them.
const FREE_TABLES: &[&str] = &[
    "AzureActivity",
    "Heartbeat",
    "Operation",
    "SecureScoreControls",
    "SecureScores",
    "SecurityAlert",
    "SecurityIncident",
    "SecurityRecommendation",
    "SentinelAudit",
    "SentinelHealth",
    "Usage",
];

/// Whether rows of a table cost nothing and never count against a cap.
pub fn is_free(table: &str) -> bool {
    FREE_TABLES.contains(&table)
}

/// What the server knows about a batch.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub tenant: TenantId,
    pub received: Ticks,
    pub resource_id: Option<ResourceId>,
    pub force: BTreeMap<String, String>,
}

impl Stamp {
    /// The stamp of a batch that arrived at `received`.
    pub fn new(to: &AppendTarget, received: Ticks) -> Self {
        Self { tenant: to.tenant, received, resource_id: to.resource_id.clone(), force: to.force.clone() }
    }

    /// Fills the standard and forced columns. Columns that would only hold `""` stay unbuilt.
    pub(super) fn apply(&self, layout: &Layout, builders: &mut [ColumnBuilder], billed_bytes: &[f64]) {
        let rows = billed_bytes.len();
        let mut text = |name: &str, value: &str| {
            let at = layout.position(name).filter(|at| builders[*at].ty() == KqlType::String);
            let Some(at) = at else { return };
            match value {
                "" => builders[at].clear(),
                value => builders[at].fill_text(rows, value),
            }
        };
        let name = layout.table.name.as_str();
        text("TenantId", &self.tenant.to_string());
        text("Type", name);
        text("_ResourceId", self.resource_id.as_ref().map_or("", ResourceId::as_str));
        let subscription = self.resource_id.as_ref().and_then(ResourceId::subscription);
        text("_SubscriptionId", subscription.unwrap_or_default());
        text("_IsBillable", if is_free(name) { "false" } else { "true" });
        for (column, value) in &self.force {
            text(column, value);
        }
        let mut typed = |name: &str, ty: KqlType, fill: &dyn Fn(&mut ColumnBuilder)| {
            if let Some(at) = layout.position(name).filter(|at| builders[*at].ty() == ty) {
                fill(&mut builders[at]);
            }
        };
        typed("_TimeReceived", KqlType::DateTime, &|builder| builder.fill_long(rows, self.received.0));
        typed("_BilledSize", KqlType::Real, &|builder| builder.fill_reals(billed_bytes));
    }
}
