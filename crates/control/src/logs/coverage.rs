//! Which machines have data included in their plan (Defender for Servers P2): by the plan of their subscription, or by one of their own.

use std::collections::BTreeMap;

use bartizan_base::ResourceId;
use bartizan_records::ListQuery;

use crate::app::App;
use crate::http::chain;
use crate::logs::usage::PRICINGS;
use crate::plans::features::{self, INCLUDED_DATA};
use crate::plans::plan::{Cover, SERVERS, Tier};

/// The plans as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    /// Subscriptions with P2.
    subscriptions: Vec<ResourceId>,
    /// Whether P2 is on for a machine with a plan of its own, by its key.
    own: BTreeMap<String, bool>,
}

impl Coverage {
    /// Reads the plans.
    pub(super) async fn read(app: &App) -> Result<Self, String> {
        let plans =
            app.records.list_all(&ListQuery::tenant(), PRICINGS).await.map_err(|error| chain(&error))?;
        let mut coverage = Self::default();
        for plan in plans.iter().filter(|plan| plan.id.name().eq_ignore_ascii_case(SERVERS)) {
            let Some(scope) = plan.id.parent() else { continue };
            let cover = Cover { tier: Tier::of(Some(&plan.body)), ..Cover::default() };
            let is_on = features::allows(INCLUDED_DATA, cover);
            if scope.parent().is_some() {
                coverage.own.insert(scope.key().to_owned(), is_on);
            } else if is_on {
                coverage.subscriptions.push(scope);
            }
        }
        Ok(coverage)
    }

    /// Whether rows of a machine are covered; of no machine's rows, whether any are.
    pub(super) fn covers(&self, machine: Option<&ResourceId>) -> bool {
        let Some(machine) = machine else { return self.any() };
        let inherited = || self.subscriptions.iter().any(|scope| machine.is_within(scope));
        self.own.get(machine.key()).copied().unwrap_or_else(inherited)
    }

    /// Whether any machine may be covered.
    pub(super) fn any(&self) -> bool {
        !self.subscriptions.is_empty() || self.own.values().any(|is_on| *is_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_own_plan_goes_before_that_of_its_subscription() {
        let id = |text: &str| ResourceId::parse(text).unwrap();
        let (one, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
        let machine = |subscription: uuid::Uuid, name: &str| {
            id(&format!(
                "/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.HybridCompute/machines/{name}"
            ))
        };
        let own = [(machine(one, "free"), false), (machine(other, "paid"), true)];
        let coverage = Coverage {
            subscriptions: vec![id(&format!("/subscriptions/{one}"))],
            own: own.iter().map(|(machine, is_on)| (machine.key().to_owned(), *is_on)).collect(),
        };
        assert!(coverage.covers(Some(&machine(one, "web"))) && coverage.covers(Some(&machine(one, "WEB"))));
        assert!(!coverage.covers(Some(&machine(one, "free"))));
        assert!(!coverage.covers(Some(&machine(other, "web"))));
        assert!(coverage.covers(Some(&machine(other, "paid"))));
        assert!(coverage.covers(None) && !Coverage::default().covers(None));
    }
}
