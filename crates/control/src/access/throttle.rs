//! A brake for guessing: an address that shows too many wrong codes, secrets or tokens has to wait.
//!
//! Secrets are far too long to be guessed. The brake keeps a guesser from keeping the records busy.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Ticks, Timespan};
use parking_lot::Mutex;

use crate::http::Failure;

/// Wrong attempts of one address in one window; a whole site may be behind one address.
const FAILURES_MAX: u32 = 60;
const WINDOW_SECONDS: i64 = 60;
/// Addresses that are remembered at one time.
const ADDRESSES_MAX: usize = 10_000;

/// Counts wrong attempts by address.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<IpAddr, Window>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Ticks,
    failures: u32,
}

impl Window {
    fn is_over(&self, now: Ticks) -> bool {
        now - self.since >= Timespan::from_seconds(WINDOW_SECONDS)
    }
}

impl Throttle {
    /// Refuses an address that has used up its wrong attempts.
    ///
    /// # Errors
    /// 429, with the time to wait.
    pub(crate) fn check(&self, from: Option<IpAddr>, now: Ticks) -> Result<(), Failure> {
        let Some(from) = from.map(site) else { return Ok(()) };
        let window = self.0.lock().get(&from).copied();
        match window.filter(|window| !window.is_over(now) && window.failures >= FAILURES_MAX) {
            None => Ok(()),
            Some(_) => Err(Failure(ApiError {
                retry_after: Some(WINDOW_SECONDS as u32),
                ..ApiError::new(
                    ErrorKind::TooMany,
                    "Too many wrong codes, secrets or tokens came from this address; wait a minute.",
                )
            })),
        }
    }

    /// Counts a wrong attempt.
    pub(crate) fn failed(&self, from: Option<IpAddr>, now: Ticks) {
        let Some(from) = from.map(site) else { return };
        let mut windows = self.0.lock();
        if windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| !window.is_over(now));
        }
        if windows.len() >= ADDRESSES_MAX && !windows.contains_key(&from) {
            return;
        }
        let window = windows.entry(from).or_insert(Window { since: now, failures: 0 });
        if window.is_over(now) {
            *window = Window { since: now, failures: 0 };
        }
        window.failures += 1;
    }
}

/// One site has 2^64 IPv6 addresses; they count as one.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_after_too_many_failures_and_others_do_not() {
        let throttle = Throttle::default();
        let now = Ticks::parse("2026-01-01T00:00:00Z").unwrap();
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for _ in 0..FAILURES_MAX {
            assert!(throttle.check(address("2001:db8::1"), now).is_ok());
            throttle.failed(address("2001:db8::1"), now);
        }
        let refused = throttle.check(address("2001:db8::2"), now).unwrap_err();
        assert_eq!((refused.0.status(), refused.0.retry_after), (429, Some(60)));
        assert!(throttle.check(address("2001:db8:0:1::1"), now).is_ok(), "another site");
        let later = now + Timespan::from_seconds(WINDOW_SECONDS);
        assert!(throttle.check(address("2001:db8::1"), later).is_ok());
        throttle.failed(address("2001:db8::1"), later);
        assert!(throttle.check(address("2001:db8::1"), later).is_ok(), "a new window starts at none");
    }
}
