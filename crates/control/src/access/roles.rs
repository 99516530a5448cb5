//! The built-in roles: Azure's ids, names and, for what exists here, their actions.

/// A role definition.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub actions: &'static [&'static str],
    pub not_actions: &'static [&'static str],
    pub data_actions: &'static [&'static str],
}

const READ_LOGS: &str = "Microsoft.OperationalInsights/workspaces/*/read";
const READ_GROUPS: &str = "Microsoft.Resources/subscriptions/*/read";
const READ_ROLES: &str = "Microsoft.Authorization/*/read";

/// All roles.
pub const ROLES: &[Role] = &[
    Role {
        id: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        name: "Owner",
        description: "May do everything, and give others access.",
        actions: &["*"],
        not_actions: &[],
        data_actions: &["*"],
    },
    Role {
        id: "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        name: "User Access Administrator",
        description: "Sees everything, and gives others access.",
        actions: &["*/read", "Microsoft.Authorization/*"],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        name: "Contributor",
        description: "May do everything but give others access.",
        actions: &["*"],
        not_actions: &["Microsoft.Authorization/*/write", "Microsoft.Authorization/*/delete"],
        data_actions: &[],
    },
    Role {
        id: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        name: "Reader",
        description: "Sees everything, changes nothing.",
        actions: &["*/read"],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "fb1c8493-542b-48eb-b624-b4c8fea62acd",
        name: "Security Admin",
        description: "Sees and changes plans, policies, recommendations and alerts.",
        actions: &[
            "Microsoft.Security/*",
            "Bartizan.Security/coverageTargets/*",
            "Bartizan.Security/inventoryViews/*",
            READ_ROLES,
            READ_GROUPS,
            READ_LOGS,
            "Microsoft.Authorization/policyAssignments/*",
            "Microsoft.Authorization/policyDefinitions/*",
            "Microsoft.Authorization/policyExemptions/*",
            "Microsoft.Authorization/policySetDefinitions/*",
            "Microsoft.PolicyInsights/*",
            "Microsoft.HybridCompute/*/read",
            "Microsoft.ResourceGraph/*",
        ],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "39bc4728-0917-49c7-9d2c-d95423bc2eb4",
        name: "Security Reader",
        description: "Sees plans, policies, recommendations and alerts.",
        actions: &[
            "Microsoft.Security/*/read",
            "Bartizan.Security/coverageTargets/read",
            "Bartizan.Security/inventoryViews/read",
            READ_ROLES,
            READ_GROUPS,
            READ_LOGS,
            "Microsoft.PolicyInsights/*/read",
            "Microsoft.HybridCompute/*/read",
            "Microsoft.ResourceGraph/*/read",
        ],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "73c42c96-874c-492b-b04d-ab87d138a893",
        name: "Log Analytics Reader",
        description: "Queries all logs and sees settings.",
        actions: &["*/read"],
        not_actions: &["Microsoft.OperationalInsights/workspaces/sharedKeys/read"],
        data_actions: &[],
    },
    Role {
        id: "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
        name: "Log Analytics Contributor",
        description: "Queries all logs and changes how they are collected.",
        actions: &[
            "*/read",
            "Microsoft.OperationalInsights/*",
            "Microsoft.Insights/*",
            "Microsoft.HybridCompute/machines/extensions/write",
        ],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "8d289c81-5878-46d4-8554-54e1e3d8b5cb",
        name: "Microsoft Sentinel Reader",
        description: "Sees incidents, rules and logs.",
        actions: &["Microsoft.SecurityInsights/*/read", READ_LOGS, READ_ROLES, READ_GROUPS],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "3e150937-b8fe-4cfb-8069-0eaf05ecd056",
        name: "Microsoft Sentinel Responder",
        description: "Sees incidents, rules and logs; assigns, changes and closes incidents.",
        actions: &[
            "Microsoft.SecurityInsights/*/read",
            "Microsoft.SecurityInsights/incidents/*",
            READ_LOGS,
            READ_ROLES,
            READ_GROUPS,
        ],
        not_actions: &["Microsoft.SecurityInsights/incidents/delete"],
        data_actions: &[],
    },
    Role {
        id: "ab8e14d6-4a74-4a29-9ba8-549422addade",
        name: "Microsoft Sentinel Contributor",
        description: "Sees and changes incidents and rules; sees logs.",
        actions: &[
            "Microsoft.SecurityInsights/*",
            "Microsoft.OperationalInsights/workspaces/savedSearches/*",
            READ_LOGS,
            READ_ROLES,
            READ_GROUPS,
        ],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "b64e21ea-ac4e-4cdf-9dc9-5b892992bee7",
        name: "Azure Connected Machine Onboarding",
        description: "Connects machines.",
        actions: &["Microsoft.HybridCompute/machines/read", "Microsoft.HybridCompute/machines/write"],
        not_actions: &[],
        data_actions: &[],
    },
    Role {
        id: "3913510d-42f4-4e42-8a64-420c390055eb",
        name: "Monitoring Metrics Publisher",
        description: "Sends logs through data collection rules.",
        actions: &[],
        not_actions: &[],
        data_actions: &["Microsoft.Insights/Telemetry/Write"],
    },
];

/// A role by its id or name, in any case.
pub fn find_role(id_or_name: &str) -> Option<&'static Role> {
    ROLES
        .iter()
        .find(|role| role.id.eq_ignore_ascii_case(id_or_name) || role.name.eq_ignore_ascii_case(id_or_name))
}

impl Role {
    /// Whether the role has `action`; data actions are asked for as such.
    pub fn allows(&self, action: &str, data: bool) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, action));
        if data { any(self.data_actions) } else { any(self.actions) && !any(self.not_actions) }
    }
}

/// `*` stands for any characters, slashes too; letters compare without regard to case.
pub(super) fn matches(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let action = action.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.ends_with(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_what_their_name_says() {
        let may = |role: &str, action: &str| find_role(role).unwrap().allows(action, false);
        assert!(may("Owner", "Microsoft.Authorization/roleAssignments/write"));
        assert!(!may("Contributor", "Microsoft.Authorization/roleAssignments/write"));
        assert!(may("Contributor", "Microsoft.Security/pricings/write"));
        assert!(may("reader", "Microsoft.SecurityInsights/incidents/read"));
        assert!(!may("Reader", "Microsoft.SecurityInsights/incidents/write"));
        assert!(may("Microsoft Sentinel Responder", "Microsoft.SecurityInsights/incidents/comments/write"));
        assert!(!may("Microsoft Sentinel Responder", "Microsoft.SecurityInsights/alertRules/write"));
        assert!(!may("Microsoft Sentinel Responder", "Microsoft.SecurityInsights/incidents/delete"));
        assert!(!may("Azure Connected Machine Onboarding", "Microsoft.HybridCompute/machines/delete"));
        assert!(may("Security Admin", "Microsoft.Authorization/policyAssignments/write"));
        assert!(!may("Security Admin", "Microsoft.Authorization/roleAssignments/write"));
        let publisher = find_role("Monitoring Metrics Publisher").unwrap();
        assert!(publisher.allows("Microsoft.Insights/Telemetry/Write", true));
        assert!(!publisher.allows("Microsoft.Insights/Telemetry/Write", false));
    }

    #[test]
    fn patterns() {
        assert!(matches("*", "a/b"));
        assert!(matches("a/*/read", "A/b/c/READ"));
        assert!(!matches("a/*/read", "a/read"));
        assert!(!matches("a/b", "a/b/c"));
    }
}
