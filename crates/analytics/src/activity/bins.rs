//! Bins of a timeline: equal steps from a start, or weeks, months and years.

/// Ticks of 100 ns in a day.
const DAY: i64 = 864_000_000_000;

/// A bin of the calendar. Times are ticks since the first of January of the year 1, which was a Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarUnit {
    /// From Sunday.
    Week,
    Month,
    Year,
}

/// How a timeline is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// Steps of this length, one of which starts at `origin`. The length is positive.
    Steps {
        origin: i64,
        step: i64,
    },
    Calendar(CalendarUnit),
}

impl Bins {
    /// The start of the bin that holds a moment.
    pub fn start_of(self, at: i64) -> i64 {
        match self {
            Self::Steps { origin, step } => {
                let past = at.wrapping_sub(origin).rem_euclid(step.max(1));
                at.saturating_sub(past)
            }
            Self::Calendar(unit) => {
                let day = at.div_euclid(DAY);
                let first = match unit {
                    CalendarUnit::Week => day - (day + 1).rem_euclid(7),
                    CalendarUnit::Month => {
                        let (year, month) = year_and_month(day);
                        first_day(year, month)
                    }
                    CalendarUnit::Year => first_day(year_and_month(day).0, 1),
                };
                first.saturating_mul(DAY)
            }
        }
    }

    /// The start of the bin behind the one that starts at `start`.
    pub fn next(self, start: i64) -> i64 {
        match self {
            Self::Steps { step, .. } => start.saturating_add(step.max(1)),
            Self::Calendar(unit) => {
                let day = start.div_euclid(DAY);
                let next = match unit {
                    CalendarUnit::Week => day + 7,
                    CalendarUnit::Month => match year_and_month(day) {
                        (year, 12) => first_day(year + 1, 1),
                        (year, month) => first_day(year, month + 1),
                    },
                    CalendarUnit::Year => first_day(year_and_month(day).0 + 1, 1),
                };
                next.saturating_mul(DAY)
            }
        }
    }

    /// The starts of the bins from the one that holds `from` to the one that holds `to`; `None` when there
    /// are more than `most`.
    pub fn between(self, from: i64, to: i64, most: usize) -> Option<Vec<i64>> {
        let mut starts = Vec::new();
        let mut start = self.start_of(from);
        while start <= to {
            if starts.len() >= most {
                return None;
            }
            starts.push(start);
            let next = self.next(start);
            if next <= start {
                break;
            }
            start = next;
        }
        Some(starts)
    }
}

/// Days before a month of a year that starts in March, in 153-day runs of five months.
fn days_before(month_from_march: i64) -> i64 {
    (153 * month_from_march + 2) / 5
}

/// The day number of the first of a month, counted from the first of January of the year 1.
fn first_day(year: i64, month: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    // 306 days lie between the first of March of the year 0 and the first of January of the year 1
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days_before(month) - 306
}

fn year_and_month(day: i64) -> (i64, i64) {
    let mut year = day.div_euclid(366) + 1;
    while first_day(year + 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| first_day(year, *month) <= day).unwrap_or(1);
    (year, month)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days from the first of January of the year 1 to the first of January of 2026.
    const YEAR_2026: i64 = 739_616;

    #[test]
    fn calendar_bins_start_where_the_calendar_says() {
        let at = |day: i64| (YEAR_2026 + day) * DAY;
        let start = |unit, day: i64| Bins::Calendar(unit).start_of(at(day) + 5) / DAY - YEAR_2026;
        assert_eq!(start(CalendarUnit::Year, 200), 0);
        assert_eq!(start(CalendarUnit::Month, 30), 0);
        assert_eq!(start(CalendarUnit::Month, 31), 31);
        assert_eq!(start(CalendarUnit::Month, 59), 59, "February of 2026 has 28 days");
        // the first of January of 2026 is a Thursday
        assert_eq!(start(CalendarUnit::Week, 0), -4);
        assert_eq!(start(CalendarUnit::Week, 3), 3);
        assert_eq!(Bins::Calendar(CalendarUnit::Month).next(at(31)), at(59));
        assert_eq!(Bins::Calendar(CalendarUnit::Year).next(at(0)), at(365));
    }

    #[test]
    fn steps_start_at_their_origin() {
        let bins = Bins::Steps { origin: 3, step: 10 };
        assert_eq!([2, 3, 12, 13].map(|at| bins.start_of(at)), [-7, 3, 3, 13]);
        assert_eq!(bins.between(3, 30, 10), Some(vec![3, 13, 23]));
        assert_eq!(bins.between(3, 1000, 10), None);
    }
}
