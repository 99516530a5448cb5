//! The book: sets of machines for each hour, sums for each month.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_base::Ticks;
use serde_json::{Map, Value, json};

/// What counts for a machine in an hour: a set, so that saying it twice changes nothing. A plan that is charged for hides
/// its free time, and P2 hides P1, when both were so within the hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meters(u8);

impl Meters {
    pub(super) const P1: u8 = 1;
    pub(super) const P2: u8 = 2;
    pub(super) const POSTURE: u8 = 4;
    /// The same three in their free time.
    const FREE_SHIFT: u32 = 3;
    const ALL: u8 = 0b11_1111;

    pub(super) fn add(&mut self, meter: u8, free: bool) {
        self.0 |= if free { meter << Self::FREE_SHIFT } else { meter };
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Hours of P1, P2 and Defender CSPM that are charged for, and those that are free.
    fn hours(self) -> Hours {
        let paid = |meter: u8| self.0 & meter != 0;
        let free = |meter: u8| self.0 & (meter << Self::FREE_SHIFT) != 0;
        let mut hours = Hours::default();
        let servers = [(Self::P2, 1), (Self::P1, 0)];
        if let Some((_, at)) = servers.iter().find(|(meter, _)| paid(*meter)) {
            hours.paid[*at] = 1;
        } else if let Some((_, at)) = servers.iter().find(|(meter, _)| free(*meter)) {
            hours.free[*at] = 1;
        }
        if paid(Self::POSTURE) {
            hours.paid[2] = 1;
        } else if free(Self::POSTURE) {
            hours.free[2] = 1;
        }
        hours
    }
}

/// The machines of one hour. An agent counts once in it, at the place where it was first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hour(BTreeMap<String, (String, Meters)>);

impl Hour {
    pub(super) fn add(&mut self, agent: &str, machine: &str, meters: Meters) {
        let entry = self.0.entry(agent.to_owned()).or_insert_with(|| (machine.to_owned(), meters));
        entry.1.0 |= meters.0;
    }

    /// Adds what `other` has; whether anything was new.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let before = self.clone();
        other.0.iter().for_each(|(agent, (machine, meters))| self.add(agent, machine, *meters));
        *self != before
    }

    pub(super) fn from_json(value: Option<&Value>) -> Self {
        let members = value.and_then(Value::as_object).into_iter().flatten();
        let entry = |(agent, entry): (&String, &Value)| {
            let bits = u8::try_from(entry[1].as_u64()?).ok()? & Meters::ALL;
            Some((agent.clone(), (entry[0].as_str()?.to_owned(), Meters(bits))))
        };
        Self(members.filter_map(entry).collect())
    }

    pub(super) fn to_json(&self) -> Value {
        let entry = |(agent, (machine, meters)): (&String, &(String, Meters))| {
            (agent.clone(), json!([machine, meters.0]))
        };
        Value::Object(self.0.iter().map(entry).collect())
    }
}

/// Sums of hours: P1, P2, Defender CSPM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hours {
    pub(super) paid: [u64; 3],
    pub(super) free: [u64; 3],
}

impl Hours {
    pub(super) fn add(&mut self, other: &Self) {
        for at in 0..3 {
            self.paid[at] += other.paid[at];
            self.free[at] += other.free[at];
        }
    }

    fn from_json(value: &Value) -> Self {
        let at = |at: usize| value[at].as_u64().unwrap_or_default();
        Self { paid: [at(0), at(1), at(2)], free: [at(3), at(4), at(5)] }
    }

    fn to_json(self) -> Value {
        json!([self.paid[0], self.paid[1], self.paid[2], self.free[0], self.free[1], self.free[2]])
    }
}

/// A month: the hours that are in it, and each machine's sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Month {
    closed: BTreeSet<i64>,
    /// By the machine's id in small letters.
    pub(super) machines: BTreeMap<String, Hours>,
    /// By subscription and day: `{subscription}|2026-11-22`.
    pub(super) days: BTreeMap<(String, String), Hours>,
}

impl Month {
    /// Adds an hour, unless it is there.
    pub(super) fn close(&mut self, hour: i64, machines: &Hour) {
        if !self.closed.insert(hour) {
            return;
        }
        // A machine that was enrolled anew within the hour has two agents and is one machine.
        let mut once: BTreeMap<&str, Meters> = BTreeMap::new();
        for (machine, meters) in machines.0.values() {
            once.entry(machine).or_default().0 |= meters.0;
        }
        let start = Ticks(hour * super::HOUR);
        let day: String = start.to_string().chars().take(10).collect();
        for (machine, meters) in once {
            let hours = meters.hours();
            self.machines.entry(machine.to_owned()).or_default().add(&hours);
            self.days.entry((subscription(machine).to_owned(), day.clone())).or_default().add(&hours);
        }
    }

    pub(super) fn from_json(value: Option<&Value>) -> Self {
        let Some(value) = value else { return Self::default() };
        let members = |name: &str| value[name].as_object().into_iter().flatten();
        let day = |(name, hours): (&String, &Value)| {
            let (subscription, day) = name.split_once('|')?;
            Some(((subscription.to_owned(), day.to_owned()), Hours::from_json(hours)))
        };
        Self {
            closed: value["closed"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect(),
            machines: members("machines")
                .map(|(name, hours)| (name.clone(), Hours::from_json(hours)))
                .collect(),
            days: members("days").filter_map(day).collect(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let machines: Map<String, Value> =
            self.machines.iter().map(|(name, hours)| (name.clone(), hours.to_json())).collect();
        let days: Map<String, Value> =
            self.days.iter().map(|((at, day), hours)| (format!("{at}|{day}"), hours.to_json())).collect();
        json!({"closed": self.closed, "machines": machines, "days": days})
    }
}

/// `/subscriptions/{id}` of a machine's id.
fn subscription(machine: &str) -> &str {
    let end = machine.match_indices('/').nth(2).map_or(machine.len(), |(at, _)| at);
    &machine[..end]
}

/// The month that a moment lies in: `2026-11`.
pub(crate) fn month_of(at: Ticks) -> String {
    at.to_string().chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "/subscriptions/s/resourcegroups/g/providers/microsoft.hybridcompute/machines/web";

    fn meters(bits: &[(u8, bool)]) -> Meters {
        let mut out = Meters::default();
        bits.iter().for_each(|(meter, free)| out.add(*meter, *free));
        out
    }

    #[test]
    fn an_hour_is_a_set_and_its_dearest_plan_counts() {
        let mut hour = Hour::default();
        hour.add("a", WEB, meters(&[(Meters::P1, false)]));
        let stored = Hour::from_json(Some(&hour.to_json()));
        assert_eq!(stored, hour);
        let mut again = stored.clone();
        assert!(!again.merge(&hour), "the same hour said twice");
        // Within the hour: P2 in its free time, a new agent of the same machine, and another place of the first agent.
        again.add("a", "/subscriptions/t/elsewhere", meters(&[(Meters::P2, true)]));
        again.add("b", WEB, meters(&[(Meters::P2, false), (Meters::POSTURE, true)]));
        let mut month = Month::default();
        month.close(5, &again);
        month.close(5, &again);
        assert_eq!(month.machines.len(), 1);
        assert_eq!(month.machines[WEB], Hours { paid: [0, 1, 0], free: [0, 0, 1] });
        assert_eq!(month.days.keys().next().unwrap().0, "/subscriptions/s");
        assert_eq!(Month::from_json(Some(&month.to_json())), month);
    }

    #[test]
    fn free_time_counts_as_free() {
        let mut month = Month::default();
        for hour in 0..3 {
            let mut machines = Hour::default();
            machines.add("a", WEB, meters(&[(Meters::P2, hour < 2)]));
            month.close(hour, &machines);
        }
        assert_eq!(month.machines[WEB], Hours { paid: [0, 1, 0], free: [0, 2, 0] });
    }
}
