//! The event sets of Defender's data collection: how much of the Security and AppLocker channels is kept.

/// Ids of the set `Minimal`: sign-ins, account and policy changes, and nothing that is frequent.
const MINIMAL: &[u32] = &[
    1102, 4624, 4625, 4657, 4663, 4688, 4700, 4702, 4719, 4720, 4722, 4723, 4724, 4727, 4728, 4732, 4735,
    4737, 4739, 4740, 4754, 4755, 4756, 4767, 4799, 4825, 4946, 4948, 4956, 5024, 5033, 8001, 8002, 8003,
    8004, 8005, 8006, 8007, 8222,
];

/// Ids of the set `Common`: a full audit trail of users.
const COMMON: &[u32] = &[
    1, 299, 300, 324, 340, 403, 404, 410, 411, 412, 413, 431, 500, 501, 1100, 1102, 1107, 1108, 4608, 4610,
    4611, 4614, 4622, 4624, 4625, 4634, 4647, 4648, 4649, 4657, 4661, 4662, 4663, 4665, 4666, 4667, 4688,
    4670, 4672, 4673, 4674, 4675, 4689, 4697, 4700, 4702, 4704, 4705, 4716, 4717, 4718, 4719, 4720, 4722,
    4723, 4724, 4725, 4726, 4727, 4728, 4729, 4733, 4732, 4735, 4737, 4738, 4739, 4740, 4742, 4744, 4745,
    4746, 4750, 4751, 4752, 4754, 4755, 4756, 4757, 4760, 4761, 4762, 4764, 4767, 4768, 4771, 4774, 4778,
    4779, 4781, 4793, 4797, 4798, 4799, 4800, 4801, 4802, 4803, 4825, 4826, 4870, 4886, 4887, 4888, 4893,
    4898, 4902, 4904, 4905, 4907, 4931, 4932, 4933, 4946, 4948, 4956, 4985, 5024, 5033, 5059, 5136, 5137,
    5140, 5145, 5632, 6144, 6145, 6272, 6273, 6278, 6416, 6423, 6424, 8001, 8002, 8003, 8004, 8005, 8006,
    8007, 8222, 26401, 30004,
];

/// The channels that the sets are about. AppLocker has one for each kind of file.
const CHANNELS: [&str; 5] = [
    "Security",
    "Microsoft-Windows-AppLocker/EXE and DLL",
    "Microsoft-Windows-AppLocker/MSI and Script",
    "Microsoft-Windows-AppLocker/Packaged app-Deployment",
    "Microsoft-Windows-AppLocker/Packaged app-Execution",
];

/// Comparisons in one XPath query; Windows refuses queries with more than 22.
const IDS_PER_QUERY: usize = 20;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSet {
    None,
    Minimal,
    Common,
    All,
}

impl EventSet {
    /// All sets, by name.
    pub const ALL: [(&'static str, EventSet); 4] = [
        ("None", EventSet::None),
        ("Minimal", EventSet::Minimal),
        ("Common", EventSet::Common),
        ("All", EventSet::All),
    ];

    /// The set of a name, in any case.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, set)| *set)
    }

    /// The ids of a set that has a list of them.
    pub fn ids(self) -> Option<&'static [u32]> {
        match self {
            Self::Minimal => Some(MINIMAL),
            Self::Common => Some(COMMON),
            Self::None | Self::All => None,
        }
    }

    /// The queries that collect the set, as `windowsEventLogs` of a data collection rule has them.
    pub fn queries(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::All => CHANNELS.iter().map(|channel| format!("{channel}!*")).collect(),
            Self::Minimal => of_ids(MINIMAL),
            Self::Common => of_ids(COMMON),
        }
    }
}

fn of_ids(ids: &[u32]) -> Vec<String> {
    let query = |(channel, ids): (&str, &[u32])| {
        let ids: Vec<String> = ids.iter().map(|id| format!("EventID={id}")).collect();
        format!("{channel}!*[System[({})]]", ids.join(" or "))
    };
    let app_locker: Vec<u32> = ids.iter().copied().filter(|id| (8001..=8040).contains(id)).collect();
    let mut out: Vec<String> = ids.chunks(IDS_PER_QUERY).map(|ids| query((CHANNELS[0], ids))).collect();
    out.extend(CHANNELS[1..].iter().map(|channel| query((channel, &app_locker))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::{EventFacts, EventQuery};

    fn takes(set: EventSet, channel: &str, event_id: u32) -> bool {
        let facts = EventFacts { channel: channel.to_owned(), event_id, ..EventFacts::default() };
        set.queries().iter().any(|query| EventQuery::parse(query).unwrap().matches(&facts))
    }

    #[test]
    fn each_set_holds_the_one_before_it() {
        assert_eq!((MINIMAL.len(), COMMON.len()), (39, 143));
        assert!(MINIMAL.iter().all(|id| COMMON.contains(id)));
        for (set, failed, signed_out, object_closed) in [
            (EventSet::None, false, false, false),
            (EventSet::Minimal, true, false, false),
            (EventSet::Common, true, true, false),
            (EventSet::All, true, true, true),
        ] {
            let found = [4625, 4634, 4658].map(|id| takes(set, "Security", id));
            assert_eq!(found, [failed, signed_out, object_closed], "{set:?}");
            assert!(!takes(set, "System", 4625), "{set:?}");
        }
        assert!(takes(EventSet::Minimal, "Microsoft-Windows-AppLocker/EXE and DLL", 8003));
        assert_eq!(EventSet::find("common"), Some(EventSet::Common));
    }
}
