//! Closed lists of Microsoft.SecurityInsights incidents.

use serde::{Deserialize, Serialize};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every value, as it stands on the wire.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($variant)),+];

            /// Reads a value in its exact spelling.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $(stringify!($variant) => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

closed_list!(
    /// Where an incident stands.
    Status { New, Active, Closed }
);
closed_list!(
    /// How bad it is.
    Severity { High, Medium, Low, Informational }
);
closed_list!(
    /// What a closed incident turned out to be.
    Classification { Undetermined, TruePositive, BenignPositive, FalsePositive }
);
closed_list!(
    /// Why.
    ClassificationReason { SuspiciousActivity, SuspiciousButExpected, IncorrectAlertLogic, InaccurateData }
);

impl Classification {
    /// The one reason that fits, where a classification has one or two.
    pub fn allows(self, reason: ClassificationReason) -> bool {
        match self {
            Self::Undetermined => false,
            Self::TruePositive => reason == ClassificationReason::SuspiciousActivity,
            Self::BenignPositive => reason == ClassificationReason::SuspiciousButExpected,
            Self::FalsePositive => matches!(
                reason,
                ClassificationReason::IncorrectAlertLogic | ClassificationReason::InaccurateData
            ),
        }
    }
}
