//! Failures of before: a machine that was cut off can tell its server only when it is back.

use std::collections::VecDeque;

use bartizan_wire::{ConnectivityReport, FAILURES_KEPT_MAX, PastFailure};

/// The latest failures, newest first.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<PastFailure>);

impl History {
    /// Whether the last look failed.
    pub fn is_failing(&self) -> bool {
        self.0.front().is_some_and(|failure| failure.to.is_none())
    }

    /// Takes a look into account, and adds to it what failed before.
    pub fn note(&mut self, report: &mut ConnectivityReport) {
        let lasting = self.0.front_mut().filter(|failure| failure.to.is_none());
        let now = report.failure().map(|(endpoint, hop)| PastFailure {
            from: report.time,
            to: None,
            endpoint: endpoint.url.clone(),
            hop: hop.hop,
            detail: hop.detail.clone(),
        });
        match (lasting, now) {
            // The same hop still fails: one failure, with its newest words.
            (Some(lasting), Some(now)) if (lasting.hop, &lasting.endpoint) == (now.hop, &now.endpoint) => {
                lasting.detail = now.detail;
            }
            (lasting, now) => {
                if let Some(lasting) = lasting {
                    lasting.to = Some(report.time);
                }
                if let Some(now) = now {
                    self.0.push_front(now);
                    self.0.truncate(FAILURES_KEPT_MAX);
                }
            }
        }
        report.past_failures = self.0.iter().cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Ticks;
    use bartizan_wire::{EndpointReport, Hop, HopOutcome, HopReport};

    fn report(time: i64, failing: Option<Hop>) -> ConnectivityReport {
        let hop = |hop: Hop| HopReport {
            hop,
            outcome: HopOutcome::Failed,
            milliseconds: 0,
            detail: format!("at {time}"),
            fix: String::new(),
        };
        ConnectivityReport {
            time: Ticks(time),
            endpoints: vec![EndpointReport {
                name: "server".to_owned(),
                url: "https://h:1".to_owned(),
                proxy: None,
                hops: failing.map(hop).into_iter().collect(),
            }],
            clock_ahead_seconds: None,
            past_failures: Vec::new(),
        }
    }

    #[test]
    fn a_failure_lasts_from_its_first_look_to_the_first_good_one_and_few_are_kept() {
        let mut history = History::default();
        let mut note = |time, failing| {
            let mut report = report(time, failing);
            history.note(&mut report);
            let shown = report.past_failures.iter();
            shown.map(|failure| (failure.hop, failure.from.0, failure.to.map(|to| to.0))).collect::<Vec<_>>()
        };
        assert!(note(1, None).is_empty());
        assert_eq!(note(2, Some(Hop::Tcp)), [(Hop::Tcp, 2, None)]);
        assert_eq!(note(3, Some(Hop::Tcp)), [(Hop::Tcp, 2, None)]);
        assert_eq!(note(4, Some(Hop::Dns)), [(Hop::Dns, 4, None), (Hop::Tcp, 2, Some(4))]);
        assert_eq!(note(5, None), [(Hop::Dns, 4, Some(5)), (Hop::Tcp, 2, Some(4))]);
        for round in 0..50 {
            note(10 + 2 * round, Some(Hop::Tls));
            assert!(note(11 + 2 * round, None).len() <= FAILURES_KEPT_MAX);
        }
    }
}
