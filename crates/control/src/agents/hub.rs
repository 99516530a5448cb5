//! Which machines wait for a change of what they should run, and what wakes them.
//!
//! A change wakes the machine that it concerns, found by name: with ten thousand machines waiting, and as many changes
//! while a plan is rolled out, looking at each for each would be all that the server does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::ResourceId;
use bartizan_wire::{DESIRED_WAIT_SECONDS_MAX, DesiredState};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::together::Together;
use crate::app::App;
use crate::logs::subscription_workspace::SETTING_TYPE;
use crate::plans::component::{EXTENSION_TYPE, MACHINE_TYPE};
use crate::plans::plan::PRICING_TYPE;

pub(super) const RULE_TYPE: &str = "Microsoft.Insights/dataCollectionRules";
pub(super) const ASSOCIATION_TYPE: &str = "Microsoft.Insights/dataCollectionRuleAssociations";

/// How long it is trusted that nothing changed because nothing was heard of. A program that writes into the database
/// beside the server is not heard.
const TRUST: Duration = Duration::from_secs(300);
/// A machine that has not asked for this long is forgotten; one that is there asks at least once in a poll's time.
const FORGET_AFTER: Duration = Duration::from_secs(3 * DESIRED_WAIT_SECONDS_MAX);

/// Wakes the long polls of machines.
#[derive(Debug, Default)]
pub(crate) struct DesiredHub {
    /// By key of the machine's id.
    machines: Mutex<HashMap<String, Machine>>,
    /// Machines whose desired state is asked for.
    pub(super) asked: Together<ResourceId, DesiredState>,
}

/// A machine that polls.
#[derive(Debug)]
struct Machine {
    /// How many changes were heard of. Woken polls read the records.
    changes: watch::Sender<u64>,
    asked: Instant,
    known: Option<Known>,
    /// The last report that changed nothing.
    told: Option<Told>,
}

/// What a machine reported.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// A hash of what the report said.
    print: u64,
    /// Changes that had been heard of before it was compared with the records.
    changes: u64,
    compared: Instant,
}

/// What a machine's desired state was.
#[derive(Clone, Copy, Debug)]
struct Known {
    generation: u64,
    /// Changes that had been heard of before it was read.
    changes: u64,
    read: Instant,
}

impl DesiredHub {
    /// Hears of the machine's changes from now on.
    pub(super) fn subscribe(&self, machine: &ResourceId) -> watch::Receiver<u64> {
        let (now, mut machines) = (Instant::now(), self.machines.lock());
        let new = || Machine { changes: watch::channel(0).0, asked: now, known: None, told: None };
        let entry = machines.entry(machine.key().to_owned()).or_insert_with(new);
        entry.asked = now;
        entry.changes.subscribe()
    }

    /// Notes what was read after `changes` changes.
    pub(super) fn note(&self, machine: &ResourceId, generation: u64, changes: u64) {
        if let Some(entry) = self.machines.lock().get_mut(machine.key()) {
            entry.known = Some(Known { generation, changes, read: Instant::now() });
        }
    }

    /// Whether the machine's desired state has this generation still: it was read, and nothing was heard of since.
    pub(super) fn is_still(&self, machine: &ResourceId, generation: u64) -> bool {
        let machines = self.machines.lock();
        let Some(entry) = machines.get(machine.key()) else { return false };
        entry.known.is_some_and(|known| {
            known.generation == generation
                && known.changes == *entry.changes.borrow()
                && known.read.elapsed() < TRUST
        })
    }

    /// How many changes of a machine that polls were heard of.
    pub(super) fn changes_of(&self, machine: &ResourceId) -> Option<u64> {
        self.machines.lock().get(machine.key()).map(|entry| *entry.changes.borrow())
    }

    /// Notes that a report changed nothing of what there was after `changes` changes.
    pub(super) fn note_told(&self, machine: &ResourceId, print: u64, changes: u64) {
        if let Some(entry) = self.machines.lock().get_mut(machine.key()) {
            entry.told = Some(Told { print, changes, compared: Instant::now() });
        }
    }

    /// Whether a report would change nothing: one that said the same did not, and nothing was heard of since.
    pub(super) fn is_told(&self, machine: &ResourceId, print: u64) -> bool {
        let machines = self.machines.lock();
        let Some(entry) = machines.get(machine.key()) else { return false };
        entry.told.is_some_and(|told| {
            told.print == print && told.changes == *entry.changes.borrow() && told.compared.elapsed() < TRUST
        })
    }

    /// Wakes the machine that `id` is or lies below.
    pub(crate) fn wake(&self, id: &ResourceId) {
        let is_machine = |id: &ResourceId| is(&id.resource_type(), MACHINE_TYPE);
        let mut machine = Some(id.clone());
        while let Some(above) = machine.take_if(|id| !is_machine(id)) {
            machine = above.parent();
        }
        let Some(machine) = machine else { return };
        if let Some(entry) = self.machines.lock().get(machine.key()) {
            entry.changes.send_modify(|changes| *changes += 1);
        }
    }

    fn wake_all(&self) {
        self.machines
            .lock()
            .values()
            .for_each(|machine| machine.changes.send_modify(|changes| *changes += 1));
    }

    fn forget_silent(&self) {
        let polls = |machine: &Machine| machine.changes.receiver_count() > 0;
        self.machines.lock().retain(|_, machine| polls(machine) || machine.asked.elapsed() < FORGET_AFTER);
    }
}

/// Turns changes of machines, extensions, associations and rules into wake-ups, until the server stops.
pub(crate) async fn wake_on_changes(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    let mut tidy = tokio::time::interval(FORGET_AFTER);
    tidy.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            _ = tidy.tick() => {
                app.desired.forget_silent();
                continue;
            }
            () = app.stop.cancelled() => return,
        };
        match change {
            Ok(change)
                if [RULE_TYPE, PRICING_TYPE, SETTING_TYPE].iter().any(|ty| is(&change.resource_type, ty)) =>
            {
                app.desired.wake_all();
            }
            Ok(change)
                if [MACHINE_TYPE, EXTENSION_TYPE, ASSOCIATION_TYPE]
                    .iter()
                    .any(|ty| is(&change.resource_type, ty)) =>
            {
                app.desired.wake(&change.id);
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => app.desired.wake_all(),
            Err(RecvError::Closed) => return,
        }
    }
}

pub(super) fn is(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/rg/providers";

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(&format!("{GROUP}/{text}")).unwrap()
    }

    #[test]
    fn a_change_wakes_the_machine_it_is_about_and_no_other() {
        let hub = DesiredHub::default();
        let web = id("Microsoft.HybridCompute/machines/web");
        let mut polls = ["web", "web-2"]
            .map(|name| hub.subscribe(&id(&format!("Microsoft.HybridCompute/machines/{name}"))));
        for about in [
            "Microsoft.HybridCompute/machines/WEB",
            "Microsoft.HybridCompute/machines/web/extensions/a",
            "Microsoft.HybridCompute/machines/web/providers/Microsoft.Insights/dataCollectionRuleAssociations/a",
        ] {
            hub.wake(&id(about));
            assert!(polls[0].has_changed().unwrap(), "{about}");
            polls[0].mark_unchanged();
        }
        hub.wake(&id("Microsoft.OperationalInsights/workspaces/web"));
        hub.wake(&id("Microsoft.HybridCompute/machines/web-3/extensions/a"));
        assert!(!polls[1].has_changed().unwrap());
        hub.wake_all();
        assert!(polls.iter().all(|poll| poll.has_changed().unwrap()));

        drop(polls);
        hub.forget_silent();
        assert!(hub.machines.lock().contains_key(web.key()), "it is between two polls");
        hub.machines.lock().get_mut(web.key()).unwrap().asked -= FORGET_AFTER;
        hub.forget_silent();
        assert_eq!(hub.machines.lock().len(), 1, "a silent machine is forgotten");
    }

    #[test]
    fn a_report_is_told_until_it_or_its_machine_changes() {
        let hub = DesiredHub::default();
        let web = id("Microsoft.HybridCompute/machines/web");
        assert_eq!(hub.changes_of(&web), None, "nobody polls for it");
        hub.note_told(&web, 7, 0);
        assert!(!hub.is_told(&web, 7));
        let _poll = hub.subscribe(&web);
        let before = hub.changes_of(&web).unwrap();
        hub.note_told(&web, 7, before);
        assert!(hub.is_told(&web, 7) && !hub.is_told(&web, 8));
        hub.wake(&id("Microsoft.HybridCompute/machines/web/extensions/a"));
        assert!(!hub.is_told(&web, 7));
        // Compared with what was there before the change.
        hub.note_told(&web, 7, before);
        assert!(!hub.is_told(&web, 7));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_trusted_after_it() {
        let hub = DesiredHub::default();
        let web = id("Microsoft.HybridCompute/machines/web");
        hub.note(&web, 1, 0);
        assert!(!hub.is_still(&web, 1), "nobody polls for it");
        let poll = hub.subscribe(&web);
        let before = *poll.borrow();
        hub.note(&web, 1, before);
        assert!(hub.is_still(&web, 1));
        assert!(!hub.is_still(&web, 2));
        hub.wake(&web);
        assert!(!hub.is_still(&web, 1));
        // A reader that began before the change and ends after it.
        hub.note(&web, 1, before);
        assert!(!hub.is_still(&web, 1));
        hub.note(&web, 2, *poll.borrow());
        assert!(hub.is_still(&web, 2));
        drop(poll);
        assert!(hub.is_still(&web, 2), "a change between two polls is heard of too");
        hub.wake(&web);
        assert!(!hub.is_still(&web, 2));
    }
}
