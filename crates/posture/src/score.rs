//! Secure score, by the published formula.
//!
//! A control's score is `max × healthy / (healthy + unhealthy)`, where a resource is healthy in a control
//! only if no recommendation of that control finds it unhealthy. Resources to which nothing applies count on
//! neither side. A subscription's score is the sum of its controls' scores over the sum of their maxima,
//! taking only controls with a resource on either side. Previews never count.

use std::collections::BTreeMap;

use bartizan_base::{AssessmentKey, ResourceId};

use crate::assessment::Code;

/// A control, as far as scoring needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighing {
    pub id: String,
    pub max: u32,
    pub assessments: Vec<AssessmentKey>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub resource: ResourceId,
    pub assessment: AssessmentKey,
    pub code: Code,
}

/// How a control does.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlScore {
    pub id: String,
    pub max: u32,
    pub healthy: u64,
    pub unhealthy: u64,
    pub not_applicable: u64,
}

/// How a subscription does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecureScore {
    pub controls: Vec<ControlScore>,
}

impl ControlScore {
    /// Points earned.
    pub fn current(&self) -> f64 {
        self.per_resource() * self.healthy as f64
    }

    /// Points that fixing every unhealthy resource would add.
    pub fn potential_increase(&self) -> f64 {
        self.per_resource() * self.unhealthy as f64
    }

    /// Share of the points earned, 0 to 1.
    pub fn percentage(&self) -> f64 {
        ratio(self.current(), f64::from(self.max))
    }

    /// Whether the control counts: it has a resource on either side.
    pub fn counts(&self) -> bool {
        self.healthy + self.unhealthy > 0
    }

    fn per_resource(&self) -> f64 {
        ratio(f64::from(self.max), (self.healthy + self.unhealthy) as f64)
    }
}

impl SecureScore {
    /// Scores the findings.
    pub fn compute(controls: &[Weighing], findings: &[Finding]) -> Self {
        let controls = controls.iter().map(|control| score_control(control, findings)).collect();
        Self { controls }
    }

    /// Points earned in all controls that count.
    pub fn current(&self) -> f64 {
        self.counting().map(ControlScore::current).sum()
    }

    /// Points that could be earned in all controls that count.
    pub fn max(&self) -> u32 {
        self.counting().map(|control| control.max).sum()
    }

    /// Share of the points earned, 0 to 1.
    pub fn percentage(&self) -> f64 {
        ratio(self.current(), f64::from(self.max()))
    }

    fn counting(&self) -> impl Iterator<Item = &ControlScore> {
        self.controls.iter().filter(|control| control.counts())
    }
}

/// What the score would be if these findings were healthy: "fix this: +4".
pub fn what_if(controls: &[Weighing], findings: &[Finding], fixed: impl Fn(&Finding) -> bool) -> SecureScore {
    let fixed: Vec<Finding> = findings
        .iter()
        .map(|finding| {
            let code =
                if finding.code == Code::Unhealthy && fixed(finding) { Code::Healthy } else { finding.code };
            Finding { code, ..finding.clone() }
        })
        .collect();
    SecureScore::compute(controls, &fixed)
}

/// Several subscriptions as one: percentages weighted by their weights (numbers of resources).
pub fn combined_percentage(subscriptions: &[(f64, u64)]) -> f64 {
    let weighted: f64 = subscriptions.iter().map(|(percentage, weight)| percentage * *weight as f64).sum();
    ratio(weighted, subscriptions.iter().map(|(_, weight)| *weight as f64).sum())
}

fn score_control(control: &Weighing, findings: &[Finding]) -> ControlScore {
    // The worst answer of a resource decides: Unhealthy over Healthy over NotApplicable.
    let mut worst: BTreeMap<&ResourceId, Code> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| control.assessments.contains(&finding.assessment)) {
        let entry = worst.entry(&finding.resource).or_insert(finding.code);
        *entry = match (*entry, finding.code) {
            (Code::Unhealthy, _) | (_, Code::Unhealthy) => Code::Unhealthy,
            (Code::Healthy, _) | (_, Code::Healthy) => Code::Healthy,
            _ => Code::NotApplicable,
        };
    }
    let count = |code| worst.values().filter(|found| **found == code).count() as u64;
    ControlScore {
        id: control.id.clone(),
        max: control.max,
        healthy: count(Code::Healthy),
        unhealthy: count(Code::Unhealthy),
        not_applicable: count(Code::NotApplicable),
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(n: u128) -> AssessmentKey {
        AssessmentKey(Uuid::from_u128(n))
    }

    fn finding(resource: usize, assessment: u128, code: Code) -> Finding {
        let resource = ResourceId::parse(&format!(
            "/subscriptions/s/resourceGroups/rg/providers/N/machines/m{resource}"
        ))
        .unwrap();
        Finding { resource, assessment: key(assessment), code }
    }

    fn control(id: &str, max: u32, assessments: &[u128]) -> Weighing {
        Weighing { id: id.to_owned(), max, assessments: assessments.iter().map(|n| key(*n)).collect() }
    }

    /// The documentation's example: a control of 6 points with 4 healthy of 78 resources gives 0.31.
    #[test]
    fn worked_example_of_the_documentation() {
        let findings: Vec<Finding> =
            (0..78).map(|n| finding(n, 1, if n < 4 { Code::Healthy } else { Code::Unhealthy })).collect();
        let score = SecureScore::compute(&[control("updates", 6, &[1])], &findings);
        let control = &score.controls[0];
        assert_eq!(format!("{:.2}", control.current()), "0.31");
        assert_eq!(format!("{:.2}", control.potential_increase()), "5.69");
        let all = what_if(&[self::control("updates", 6, &[1])], &findings, |_| true);
        assert_eq!((all.current(), all.max()), (6.0, 6));
    }

    #[test]
    fn a_resource_must_be_healthy_in_all_of_a_control() {
        let findings = [
            finding(1, 1, Code::Healthy),
            finding(1, 2, Code::Unhealthy),
            finding(2, 1, Code::Healthy),
            finding(2, 2, Code::NotApplicable),
            finding(3, 1, Code::NotApplicable),
            finding(4, 9, Code::Unhealthy),
        ];
        let controls = [control("a", 4, &[1, 2]), control("nobody", 8, &[7]), control("naught", 0, &[9])];
        let score = SecureScore::compute(&controls, &findings);
        let a = &score.controls[0];
        assert_eq!((a.healthy, a.unhealthy, a.not_applicable), (1, 1, 1));
        assert_eq!((score.current(), score.max(), score.percentage()), (2.0, 4, 0.5));
        let fixed = what_if(&controls, &findings, |finding| finding.assessment == key(2));
        assert_eq!(fixed.current() - score.current(), 2.0);
    }

    #[test]
    fn nothing_to_score_is_zero_of_zero() {
        let score = SecureScore::compute(&[control("a", 4, &[1])], &[]);
        assert_eq!((score.current(), score.max(), score.percentage()), (0.0, 0, 0.0));
        assert_eq!(combined_percentage(&[]), 0.0);
        assert_eq!(combined_percentage(&[(0.5, 3), (1.0, 1)]), 0.625);
    }
}
