//! Times when rows are refused for want of memory or disk: told once when one begins and once when it is over, however
//! many batches are refused in between.

use bartizan_base::Ticks;
use bartizan_base::time::TICKS_PER_SECOND;
use parking_lot::Mutex;

use crate::error::StoreError;
use crate::notice::Notice;

/// The key of the notice that rows are refused from now on.
pub const ROWS_REFUSED: &str = "RowsRefused";
/// The key of the notice that they are taken again.
pub const ROWS_TAKEN: &str = "RowsTakenAgain";
/// An episode is over when nothing was refused for this long, so that a shortage that comes and goes is one.
const QUIET: i64 = 60 * TICKS_PER_SECOND;

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Memory,
    Disk,
}

#[derive(Clone, Copy, Debug)]
struct Episode {
    since: Ticks,
    last: Ticks,
}

/// The episodes that go on.
#[derive(Debug, Default)]
pub(crate) struct Pressure(Mutex<[Option<Episode>; 2]>);

impl Pressure {
    /// Looks at what became of a batch; the notice is there when it is the first that is refused.
    pub(crate) fn seen(&self, error: &StoreError, now: Ticks) -> Option<Notice> {
        let want = match error {
            StoreError::Busy { .. } => Want::Memory,
            StoreError::Unavailable { .. } => Want::Disk,
            _ => return None,
        };
        let mut episodes = self.0.lock();
        let episode = &mut episodes[want as usize];
        if let Some(episode) = episode {
            episode.last = episode.last.max(now);
            return None;
        }
        *episode = Some(Episode { since: now, last: now });
        let detail = match want {
            Want::Memory => format!(
                "{error}. Senders get 429 and keep their rows. Files are written more slowly than rows arrive: look for \
                 a slow disk, or send less at once."
            ),
            Want::Disk => format!(
                "{error}. Senders get 503 and keep their rows; syslog messages, whose senders cannot wait, are dropped \
                 and counted. Free space on the disk of the data folder, or shorten retention."
            ),
        };
        Some(Notice { at: now, workspace: None, key: ROWS_REFUSED, detail })
    }

    /// The ends of episodes that are over.
    pub(crate) fn ended(&self, now: Ticks) -> Vec<Notice> {
        let mut ended = Vec::new();
        let mut episodes = self.0.lock();
        for (at, episode) in episodes.iter_mut().enumerate() {
            let Some(Episode { since, last }) = *episode else { continue };
            if now.0.saturating_sub(last.0) < QUIET {
                continue;
            }
            *episode = None;
            let what = if at == Want::Memory as usize { "memory" } else { "disk space" };
            let detail =
                format!("Rows are taken again. For want of {what} some were refused from {since} to {last}.");
            ended.push(Notice { at: now, workspace: None, key: ROWS_TAKEN, detail });
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_told_of_twice() {
        let pressure = Pressure::default();
        let full = StoreError::Unavailable { reason: "the disk is full".to_owned() };
        let at = |seconds: i64| Ticks(seconds * TICKS_PER_SECOND);
        let first = pressure.seen(&full, at(0)).unwrap();
        assert!(first.key == ROWS_REFUSED && first.detail.contains("the disk is full"), "{first:?}");
        assert_eq!(pressure.seen(&full, at(50)), None);
        assert!(pressure.seen(&StoreError::Busy { held_bytes: 9 }, at(50)).is_some(), "another one");
        assert_eq!(pressure.seen(&StoreError::Closed, at(50)), None);
        assert!(pressure.ended(at(100)).is_empty(), "it may come back");
        let ended = pressure.ended(at(110));
        assert_eq!(ended.len(), 2);
        assert!(ended[1].detail.contains("disk space") && ended[1].detail.contains("00:00:50"), "{ended:?}");
        assert!(pressure.ended(at(500)).is_empty());
        assert!(pressure.seen(&full, at(600)).is_some(), "a new one");
    }
}
