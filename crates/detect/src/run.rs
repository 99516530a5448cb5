//! One run of one rule: window, query, threshold, alerts.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use bartizan_base::Ticks;
use bartizan_content::AnalyticsRule;
use bartizan_content::rule::RuleKind;
use bartizan_engine::{QueryLimits, QueryRequest, SeqWindow};

use crate::alert::{Alert, alerts};
use crate::context::DetectContext;
use crate::entities::{Row, entities, key};
use crate::error::DetectError;
use crate::state::RuleState;

/// Longest a rule's query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);
/// Result rows a run looks at.
const ROWS_MAX: u64 = 10_000;

/// Runs `rule` at `now` over the rows that belong to this run, and puts what it found into `state.pending`.
/// Nothing is delivered here.
pub(crate) async fn run(
    ctx: &DetectContext,
    rule: &AnalyticsRule,
    state: &mut RuleState,
    now: Ticks,
) -> Result<(), DetectError> {
    let upto = ctx.store.committed_seq();
    let start = state.window_start(now, rule.query_period);
    // A first run has no earlier run to start from: then event time bounds what it sees.
    let timespan = start.is_none().then(|| (now - rule.query_period, Ticks::MAX));
    let request = QueryRequest {
        workspace: ctx.workspace.id,
        text: rule.query.clone(),
        timespan,
        now,
        principal: String::new(),
        ingested: Some(SeqWindow { after: start.unwrap_or(0), upto }),
        limits: QueryLimits { timeout: QUERY_TIMEOUT, rows: ROWS_MAX, ..QueryLimits::default() },
    };
    let rows = ctx.engine.query(request).await?.objects();
    state.remember_run(now, upto, rule.query_period);
    let found = decide(rule, state, rows, now);
    if !found.is_empty() {
        state.pending = found;
    }
    Ok(())
}

/// Applies what is known of earlier runs, the threshold and suppression.
fn decide(rule: &AnalyticsRule, state: &mut RuleState, rows: Vec<Row>, now: Ticks) -> Vec<Alert> {
    let fires = rule.trigger_operator.holds(rows.len() as u64, rule.trigger_threshold);
    if !fires || state.suppressed_until.is_some_and(|until| now < until) {
        return Vec::new();
    }
    // NRT runs overlap so that a count over several seconds can build up; a result that an earlier run has
    // raised, unchanged, is not raised again.
    let rows = match rule.kind {
        RuleKind::Nrt => {
            state.look_again = None;
            rows.into_iter().filter(|row| state.admit(hash(row), &about(rule, row), now)).collect()
        }
        RuleKind::Scheduled => rows,
    };
    if rule.kind == RuleKind::Nrt && rows.is_empty() {
        return Vec::new();
    }
    state.run += 1;
    if rule.suppression_enabled {
        state.suppressed_until = Some(now + rule.suppression_duration);
    }
    alerts(rule, state.run, rows, now)
}

/// The entities of one result, as a key.
fn about(rule: &AnalyticsRule, row: &Row) -> String {
    let mut keys: Vec<String> = entities(rule, std::slice::from_ref(row)).iter().map(key).collect();
    keys.sort();
    keys.join(";")
}

fn hash(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in row {
        name.hash(&mut hasher);
        value.to_string().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(extra: &str) -> AnalyticsRule {
        AnalyticsRule::from_yaml(&format!(
            "id: 00000000-0000-0000-0000-000000000001\nname: r\nseverity: Low\nquery: T\n{extra}"
        ))
        .unwrap()
    }

    fn row(n: i64) -> Row {
        serde_json::json!({"n": n}).as_object().unwrap().clone()
    }

    #[test]
    fn nrt_raises_a_result_once() {
        let rule = rule("kind: NRT");
        let mut state = RuleState::default();
        let now = Ticks(1_000_000_000_000);
        assert_eq!(decide(&rule, &mut state, vec![row(1), row(2)], now).len(), 2);
        assert_eq!(decide(&rule, &mut state, vec![row(1), row(2)], now).len(), 0);
        let third = decide(&rule, &mut state, vec![row(2), row(3)], now);
        assert_eq!(third.len(), 1);
        assert_eq!(state.run, 2);
    }

    #[test]
    fn threshold_and_suppression_hold_alerts_back() {
        let rule = rule(
            "queryFrequency: 5m\nqueryPeriod: 5m\ntriggerOperator: gt\ntriggerThreshold: 1\nsuppressionEnabled: true\nsuppressionDuration: 1h",
        );
        let mut state = RuleState::default();
        let now = Ticks(1_000_000_000_000);
        assert!(decide(&rule, &mut state, vec![row(1)], now).is_empty());
        assert_eq!(decide(&rule, &mut state, vec![row(1), row(2)], now).len(), 1);
        assert!(decide(&rule, &mut state, vec![row(1), row(2)], now).is_empty());
    }

    #[test]
    fn many_results_end_in_one_alert_for_the_rest() {
        let rule = rule("kind: NRT");
        let mut state = RuleState::default();
        let found = decide(&rule, &mut state, (0..400).map(row).collect(), Ticks(1_000_000_000_000));
        assert_eq!(found.len(), 150);
        assert_eq!(found.iter().map(|alert| alert.events_count).sum::<u64>(), 400);
    }
}
