//! Every resource type that is served, one row each: what can be done with it and which status codes its
//! clients expect.

use bartizan_base::ErrorKind;

use crate::error::ApiError;

/// A resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeInfo {
    /// `Namespace/type[/type]`, spelled as ARM spells it.
    pub name: &'static str,
    /// Whether clients may write it; read-only types are made by the server.
    pub writable: bool,
    pub deletable: bool,
    /// Status of a PUT that creates.
    pub created: u16,
    /// Status of a PUT that replaces.
    pub updated: u16,
    /// Status of a DELETE that removed something; one that found nothing is 204.
    pub deleted: u16,
}

const fn full(name: &'static str) -> TypeInfo {
    TypeInfo { name, writable: true, deletable: true, created: 201, updated: 200, deleted: 200 }
}

const fn read(name: &'static str) -> TypeInfo {
    TypeInfo { writable: false, deletable: false, ..full(name) }
}

/// Clients of this type raise on 201.
const fn put200(name: &'static str) -> TypeInfo {
    TypeInfo { created: 200, ..full(name) }
}

/// Clients of this type raise on 200.
const fn put201(name: &'static str) -> TypeInfo {
    TypeInfo { updated: 201, ..full(name) }
}

/// All types, by namespace.
pub const TYPES: &[TypeInfo] = &[
    put200("Bartizan.Security/coverageTargets"),
    full("Bartizan.Security/inventoryViews"),
    put200("Bartizan.Security/prices"),
    TypeInfo { deletable: false, ..put200("Bartizan.Security/tenantSettings") },
    full("Microsoft.Authorization/locks"),
    put201("Microsoft.Authorization/policyAssignments"),
    put201("Microsoft.Authorization/policyDefinitions"),
    full("Microsoft.Authorization/policyExemptions"),
    full("Microsoft.Authorization/policySetDefinitions"),
    full("Microsoft.Authorization/roleAssignments"),
    put201("Microsoft.Authorization/roleDefinitions"),
    read("Microsoft.AwsConnector/ec2Instances"),
    read("Microsoft.ConnectedVMwarevSphere/virtualMachines"),
    read("Microsoft.GuestConfiguration/guestConfigurationAssignments"),
    read("Microsoft.GuestConfiguration/guestConfigurationAssignments/reports"),
    TypeInfo { deleted: 204, ..put200("Microsoft.HybridCompute/machines") },
    TypeInfo { deleted: 204, ..put200("Microsoft.HybridCompute/machines/extensions") },
    full("Microsoft.Insights/dataCollectionEndpoints"),
    full("Microsoft.Insights/dataCollectionRuleAssociations"),
    full("Microsoft.Insights/dataCollectionRules"),
    put200("Microsoft.OperationalInsights/queryPacks"),
    put200("Microsoft.OperationalInsights/queryPacks/queries"),
    full("Microsoft.OperationalInsights/workspaces"),
    full("Microsoft.OperationalInsights/workspaces/dataExports"),
    put200("Microsoft.OperationalInsights/workspaces/savedSearches"),
    put200("Microsoft.OperationalInsights/workspaces/tables"),
    read("Microsoft.OperationalInsights/workspaces/usages"),
    full("Microsoft.PolicyInsights/attestations"),
    full("Microsoft.PolicyInsights/remediations"),
    full("Microsoft.ResourceGraph/queries"),
    full("Microsoft.Resources/resourceGroups"),
    TypeInfo { deleted: 204, ..put200("Microsoft.Security/alertsSuppressionRules") },
    full("Microsoft.Security/assessments"),
    put200("Microsoft.Security/assessmentMetadata"),
    TypeInfo { deleted: 204, ..full("Microsoft.Security/automations") },
    TypeInfo { deletable: false, ..put200("Microsoft.Security/autoProvisioningSettings") },
    read("Microsoft.Security/locations"),
    read("Microsoft.Security/locations/alerts"),
    read("Microsoft.Security/locations/tasks"),
    read("Microsoft.Security/mdeOnboardings"),
    // Every plan is there from the start, as `Free`.
    put200("Microsoft.Security/pricings"),
    read("Microsoft.Security/secureScoreControlDefinitions"),
    read("Microsoft.Security/secureScores"),
    read("Microsoft.Security/secureScores/secureScoreControls"),
    put200("Microsoft.Security/securityContacts"),
    full("Microsoft.Security/securityConnectors"),
    read("Microsoft.Security/securityConnectors/securityEntityData"),
    TypeInfo { deleted: 204, ..put200("Microsoft.Security/serverVulnerabilityAssessmentsSettings") },
    TypeInfo { deletable: false, ..put200("Microsoft.Security/settings") },
    TypeInfo { deleted: 204, ..put200("Microsoft.Security/workspaceSettings") },
    full("Microsoft.SecurityInsights/alertRules"),
    read("Microsoft.SecurityInsights/alertRuleTemplates"),
    full("Microsoft.SecurityInsights/automationRules"),
    full("Microsoft.SecurityInsights/bookmarks"),
    read("Microsoft.SecurityInsights/entities"),
    full("Microsoft.SecurityInsights/incidents"),
    full("Microsoft.SecurityInsights/incidents/comments"),
    full("Microsoft.SecurityInsights/incidents/relations"),
    full("Microsoft.SecurityInsights/incidents/tasks"),
    full("Microsoft.SecurityInsights/onboardingStates"),
    full("Microsoft.SecurityInsights/watchlists"),
    full("Microsoft.SecurityInsights/watchlists/watchlistItems"),
];

/// Collections that are served under a shorter path than their members have: asked type → stored type.
const ALIASES: &[(&str, &str)] = &[
    ("Microsoft.Security/alerts", "Microsoft.Security/locations/alerts"),
    ("Microsoft.Security/secureScoreControls", "Microsoft.Security/secureScores/secureScoreControls"),
    ("Microsoft.Security/tasks", "Microsoft.Security/locations/tasks"),
];

/// The row of a type, in any case.
pub fn find(name: &str) -> Option<&'static TypeInfo> {
    TYPES.iter().find(|info| info.name.eq_ignore_ascii_case(name))
}

/// The row of a type that a collection path names.
pub fn find_collection(name: &str) -> Option<&'static TypeInfo> {
    let stored =
        ALIASES.iter().find(|(asked, _)| asked.eq_ignore_ascii_case(name)).map(|(_, stored)| *stored);
    find(stored.unwrap_or(name))
}

/// Namespaces that are registered, in order.
pub fn namespaces() -> Vec<&'static str> {
    let mut out: Vec<&'static str> = TYPES.iter().filter_map(|info| info.name.split('/').next()).collect();
    // These are served beside the table.
    out.extend(["Microsoft.Management", "Microsoft.ResourceGraph", "Microsoft.Subscription"]);
    out.sort_unstable();
    out.dedup();
    out
}

/// What a request to an unknown type is told.
pub fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(200).collect();
    let namespace = shown.split('/').next().unwrap_or_default();
    let known: Vec<&str> = TYPES.iter().map(|info| info.name).filter(|ty| belongs(ty, namespace)).collect();
    let hint = if known.is_empty() {
        format!("registered namespaces are: {}", namespaces().join(", "))
    } else {
        format!("`{namespace}` has: {}", known.join(", "))
    };
    ApiError::coded(
        ErrorKind::Invalid,
        "NoRegisteredProviderFound",
        format!("No registered resource provider found for type `{shown}`; {hint}."),
    )
}

fn belongs(ty: &str, namespace: &str) -> bool {
    ty.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_aliases_lead_somewhere() {
        for (at, info) in TYPES.iter().enumerate() {
            assert!(
                TYPES[at + 1..].iter().all(|other| !other.name.eq_ignore_ascii_case(info.name)),
                "{}",
                info.name
            );
        }
        for (asked, stored) in ALIASES {
            assert!(find(asked).is_none() && find(stored).is_some(), "{asked}");
        }
    }

    #[test]
    fn unknown_types_are_told_what_there_is() {
        assert!(unknown("Microsoft.Compute/virtualMachines").message.contains("Microsoft.HybridCompute"));
        assert!(
            unknown("microsoft.hybridcompute/racks").message.contains("Microsoft.HybridCompute/machines")
        );
    }
}
