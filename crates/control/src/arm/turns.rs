//! Writers of one resource take turns, so that none works upon what another is about to replace.

use std::hash::{DefaultHasher, Hash, Hasher};

use bartizan_base::ResourceId;
use tokio::sync::{Mutex, MutexGuard};

/// Queues. Two resources may share one, and then wait a little for nothing.
const QUEUES: usize = 256;

/// The queues of writers, by resource.
pub(crate) struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..QUEUES).map(|_| Mutex::new(())).collect())
    }
}

impl Turns {
    /// Waits for the turn of a writer of `id`; it lasts as long as the guard. Turns come in the order of asking.
    pub(super) async fn of(&self, id: &ResourceId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.key().hash(&mut hasher);
        self.0[hasher.finish() as usize % QUEUES].lock().await
    }
}
