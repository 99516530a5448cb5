//! Which type has which behaviour.

mod access;
mod assessments;
mod automation;
mod bookmarks;
mod collection;
mod connectors;
mod contacts;
mod exports;
mod groups;
mod guest_configuration;
mod incidents;
mod machines;
mod mde_onboardings;
mod people;
mod policies;
mod policy_insights;
mod prices;
mod pricings;
mod provisioning;
mod queries;
mod relations;
mod rules;
mod saved_searches;
mod shared_views;
mod tables;
mod tasks;
mod templates;
mod tenant_settings;
mod usages;
mod watchlists;
mod workspaces;

use bartizan_api::ApiError;

pub(super) use automation::check_automation;
pub(super) use bookmarks::BOOKMARK_TYPE;
pub(super) use relations::{RELATION_TYPE, is_alert, related_id};

use crate::arm::kind::{Kind, Plain};

pub(super) use collection::ASSOCIATION_TYPE;

/// Types that are more than documents.
const KINDS: &[(&str, &dyn Kind)] = &[
    ("Bartizan.Security/coverageTargets", &shared_views::CoverageTargets),
    ("Bartizan.Security/inventoryViews", &shared_views::InventoryViews),
    ("Bartizan.Security/prices", &prices::PriceLists),
    ("Bartizan.Security/tenantSettings", &tenant_settings::TenantSettings),
    ("Microsoft.Authorization/locks", &access::Locks),
    ("Microsoft.Authorization/policyAssignments", &policies::Assignments),
    ("Microsoft.Authorization/policyDefinitions", &policies::Definitions),
    ("Microsoft.Authorization/policyExemptions", &policies::Exemptions),
    ("Microsoft.Authorization/policySetDefinitions", &policies::Initiatives),
    ("Microsoft.Authorization/roleAssignments", &access::RoleAssignments),
    ("Microsoft.Authorization/roleDefinitions", &access::RoleDefinitions),
    ("Microsoft.GuestConfiguration/guestConfigurationAssignments/reports", &guest_configuration::Reports),
    ("Microsoft.HybridCompute/machines", &machines::Machines),
    ("Microsoft.HybridCompute/machines/extensions", &machines::Extensions),
    ("Microsoft.Insights/dataCollectionEndpoints", &collection::Endpoints),
    ("Microsoft.Insights/dataCollectionRuleAssociations", &collection::Associations),
    ("Microsoft.Insights/dataCollectionRules", &collection::Rules),
    ("Microsoft.OperationalInsights/workspaces", &workspaces::Workspaces),
    ("Microsoft.OperationalInsights/workspaces/dataExports", &exports::DataExports),
    ("Microsoft.OperationalInsights/workspaces/savedSearches", &saved_searches::SavedSearches),
    ("Microsoft.OperationalInsights/workspaces/tables", &tables::Tables),
    ("Microsoft.OperationalInsights/workspaces/usages", &usages::Usages),
    ("Microsoft.PolicyInsights/attestations", &policy_insights::Attestations),
    ("Microsoft.PolicyInsights/remediations", &policy_insights::Remediations),
    ("Microsoft.ResourceGraph/queries", &queries::GraphQueries),
    ("Microsoft.Resources/resourceGroups", &groups::Groups),
    ("Microsoft.Security/assessmentMetadata", &assessments::Metadata),
    ("Microsoft.Security/assessments", &assessments::Assessments),
    ("Microsoft.Security/automations", &automation::Automations),
    ("Microsoft.Security/autoProvisioningSettings", &provisioning::AutoProvisioning),
    ("Microsoft.Security/locations", &groups::Locations),
    ("Microsoft.Security/locations/tasks", &tasks::Tasks),
    ("Microsoft.Security/mdeOnboardings", &mde_onboardings::MdeOnboardings),
    ("Microsoft.Security/pricings", &pricings::Pricings),
    ("Microsoft.Security/secureScoreControlDefinitions", &assessments::ControlDefinitions),
    ("Microsoft.Security/securityConnectors", &connectors::SecurityConnectors),
    ("Microsoft.Security/securityContacts", &contacts::Contacts),
    ("Microsoft.Security/serverVulnerabilityAssessmentsSettings", &provisioning::VulnerabilityAssessment),
    ("Microsoft.Security/settings", &provisioning::Settings),
    ("Microsoft.Security/workspaceSettings", &contacts::WorkspaceSettings),
    ("Microsoft.SecurityInsights/alertRules", &rules::AlertRules),
    ("Microsoft.SecurityInsights/alertRuleTemplates", &templates::Templates),
    ("Microsoft.SecurityInsights/automationRules", &automation::AutomationRules),
    ("Microsoft.SecurityInsights/bookmarks", &bookmarks::Bookmarks),
    ("Microsoft.SecurityInsights/incidents", &incidents::Incidents),
    ("Microsoft.SecurityInsights/incidents/comments", &incidents::Comments),
    ("Microsoft.SecurityInsights/incidents/relations", &relations::Relations),
    ("Microsoft.SecurityInsights/watchlists", &watchlists::Watchlists),
    ("Microsoft.SecurityInsights/watchlists/watchlistItems", &watchlists::Items),
];

/// The behaviour of a type.
pub(super) fn find(resource_type: &str) -> &'static dyn Kind {
    let found = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(resource_type));
    found.map_or(&Plain, |(_, kind)| *kind)
}

/// An error at a field: `value` is not one of `names`.
fn not_one_of(path: &str, value: &serde_json::Value, names: &[&str]) -> ApiError {
    let shown: String = value.to_string().chars().take(80).collect();
    ApiError::field(path, format!("{shown} is not one of {}", names.join(", ")))
}
