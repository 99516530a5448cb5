//! What a policy does about a resource that matches its `if`.

/// An effect. The order is the one in which a write meets them: disabled, append and modify, deny, audit; the two
/// `…IfNotExists` come after the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Disabled,
    Append,
    Modify,
    Deny,
    DenyAction,
    Audit,
    AuditIfNotExists,
    DeployIfNotExists,
    Manual,
}

impl Effect {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Disabled,
        Self::Append,
        Self::Modify,
        Self::Deny,
        Self::DenyAction,
        Self::Audit,
        Self::AuditIfNotExists,
        Self::DeployIfNotExists,
        Self::Manual,
    ];

    /// The effect by its name in a rule, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.as_str().eq_ignore_ascii_case(text))
    }

    /// As policy states spell it (`policyDefinitionAction`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Append => "append",
            Self::Modify => "modify",
            Self::Deny => "deny",
            Self::DenyAction => "denyaction",
            Self::Audit => "audit",
            Self::AuditIfNotExists => "auditifnotexists",
            Self::DeployIfNotExists => "deployifnotexists",
            Self::Manual => "manual",
        }
    }

    /// Whether it looks for a related resource.
    pub fn looks_for_related(self) -> bool {
        matches!(self, Self::AuditIfNotExists | Self::DeployIfNotExists)
    }

    /// Whether a remediation can bring a resource into line.
    pub fn is_remediable(self) -> bool {
        matches!(self, Self::DeployIfNotExists | Self::Modify)
    }
}
