//! Newtypes for identifiers, so that two of them cannot be swapped.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// The directory everything belongs to.
    TenantId
);
uuid_id!(
    /// The subscription plans are switched on for.
    SubscriptionId
);
uuid_id!(
    /// A workspace's `customerId`: the id the query API takes in its path.
    WorkspaceId
);
uuid_id!(
    /// An analytics rule.
    RuleId
);
uuid_id!(
    /// An assessment definition (`assessmentKey` in Microsoft.Security).
    AssessmentKey
);

/// Names one upload so that a repeat is recognised: a source (one spool on one disk) numbers its batches
/// 1, 2, 3 …, and the store remembers the highest number it has made durable per source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchId {
    pub source: Uuid,
    /// Starts at 1 and grows by one per batch.
    pub seq: u64,
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source.hyphenated(), self.seq)
    }
}

/// The text was not `<uuid>/<number from 1>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch id `{0}` is not `<uuid>/<number from 1>`")]
pub struct BatchIdError(pub String);

impl FromStr for BatchId {
    type Err = BatchIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || BatchIdError(text.chars().take(80).collect());
        let (source, seq) = text.split_once('/').ok_or_else(error)?;
        let source = Uuid::parse_str(source).map_err(|_| error())?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or_else(error)?;
        Ok(Self { source, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_id_round_trips_and_refuses_zero() {
        let id = BatchId { source: Uuid::from_u128(7), seq: 12 };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("00000000-0000-0000-0000-000000000007/0".parse::<BatchId>().is_err());
        assert!("nonsense".parse::<BatchId>().is_err());
    }
}
