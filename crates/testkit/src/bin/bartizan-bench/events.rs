//! Generated security events of about 500 bytes: a few hundred hosts, accounts and addresses, and a command line
//! with 32 random digits, as real ones carry ids and paths.
//!
//! A client that formats rows while it measures would measure itself. So the lines are made once, and before
//! each batch only their times and random digits are written over, in place: no two rows ever sent are the same,
//! and compression finds what it would find in real ones.

use std::time::SystemTime;

use bartizan_base::Ticks;
use bartizan_base::time::TICKS_PER_SECOND;
use bytes::Bytes;

/// Rows in one batch; about half a megabyte of JSON.
pub(crate) const BATCH_ROWS: usize = 1_000;
/// The table they are for.
pub(crate) const TABLE: &str = "SecurityEvent";

/// Digits of `2026-01-01T00:00:00.0000000Z`.
const TIME_LEN: usize = 28;
const TIME_BLANK: &str = "0000-00-00T00:00:00.0000000Z";
const ID_LEN: usize = 32;
const ID_BLANK: &str = "00000000000000000000000000000000";

/// A batch of lines whose times and digits are filled in.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: Vec<u8>,
    /// Where each row's time and its random digits start.
    places: Vec<(usize, usize)>,
    random: u64,
}

impl Template {
    /// A sender's own lines.
    pub(crate) fn new(sender: u64) -> Self {
        let mut random = sender.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed;
        let (mut text, mut places) = (String::new(), Vec::new());
        for _ in 0..BATCH_ROWS {
            let mix = next(&mut random);
            let event = if mix.is_multiple_of(20) { 4625 } else { 4688 };
            let (host, user, target) = (mix % 200, (mix >> 8) % 500, (mix >> 20) % 300);
            let (tool, session) = ((mix >> 32) % 40, (mix >> 40) % 64);
            text.push_str("{\"TimeGenerated\":\"");
            let time = text.len();
            text.push_str(TIME_BLANK);
            text.push_str(&format!(
                r#"","Computer":"host-{host:03}.corp.example","EventID":{event},"Activity":"{event} - generated event","Account":"CORP\\user{user:03}","AccountType":"User","IpAddress":"10.0.{}.{}","LogonType":{},"Channel":"Security","EventSourceName":"Microsoft-Windows-Security-Auditing","NewProcessName":"C:\\Windows\\System32\\tool{tool:02}.exe","ParentProcessName":"C:\\Windows\\explorer.exe","CommandLine":"tool{tool:02}.exe --session {session} --request "#,
                mix >> 48 & 255,
                mix >> 56,
                2 + mix % 9,
            ));
            let id = text.len();
            text.push_str(ID_BLANK);
            text.push_str(&format!(
                r#" --retry 3","SubjectUserName":"user{user:03}","TargetUserName":"user{target:03}"}}"#
            ));
            text.push('\n');
            places.push((time, id));
        }
        Self { text: text.into_bytes(), places, random }
    }

    /// The next batch, one object a line: rows of the second that starts at `at`.
    pub(crate) fn batch(&mut self, at: Ticks) -> Bytes {
        let second = Ticks(at.0.div_euclid(TICKS_PER_SECOND) * TICKS_PER_SECOND).to_string();
        let second = second.trim_end_matches('Z').split('.').next().unwrap_or_default().to_owned();
        let step = TICKS_PER_SECOND / BATCH_ROWS as i64;
        for (row, (time, id)) in self.places.iter().enumerate() {
            let moment = format!("{second}.{:07}Z", row as i64 * step);
            self.text[*time..*time + TIME_LEN].copy_from_slice(moment.as_bytes());
            let (high, low) = (next(&mut self.random), next(&mut self.random));
            let digits = hex(u128::from(high) << 64 | u128::from(low));
            self.text[*id..*id + ID_LEN].copy_from_slice(&digits);
        }
        Bytes::copy_from_slice(&self.text)
    }
}

/// The time now.
pub(crate) fn now() -> Ticks {
    Ticks::from_system_time(SystemTime::now())
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn hex(value: u128) -> [u8; ID_LEN] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[(value >> (4 * (ID_LEN - 1 - at)) & 15) as usize])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use serde_json::Value;

    #[test]
    fn rows_are_valid_of_about_500_bytes_and_never_the_same() {
        let (mut one, mut other) = (Template::new(1), Template::new(2));
        let at = Ticks::parse("2026-03-01T12:00:00Z").unwrap();
        let batches = [one.batch(at), one.batch(at), other.batch(at)];
        let mut seen = HashSet::new();
        for batch in &batches {
            let text = std::str::from_utf8(batch).unwrap();
            assert!(
                (450..=560).contains(&(text.len() / BATCH_ROWS)),
                "{} bytes a row",
                text.len() / BATCH_ROWS
            );
            for line in text.lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                let time = Ticks::parse(row["TimeGenerated"].as_str().unwrap()).unwrap();
                assert!(time >= at && time.0 < at.0 + TICKS_PER_SECOND, "{time}");
                assert!(seen.insert(row["CommandLine"].as_str().unwrap().to_owned()));
            }
        }
        assert_eq!(seen.len(), 3 * BATCH_ROWS);
    }
}
