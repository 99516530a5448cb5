//! What was worked out from the records and kept in memory until they change.
//!
//! A kept thing is of one generation. Who asks for it asks the database for the generation first, so a change made
//! by another program, or by another server on the same database, is seen by the next caller.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::database::Records;
use crate::error::RecordsError;
use crate::generations::Generation;

/// What is kept: one thing of each type, so never more than the program has types for.
#[derive(Clone, Default)]
pub(crate) struct Derived(Arc<Mutex<HashMap<TypeId, Kept>>>);

/// A kept thing and the generation it was worked out of.
#[derive(Clone)]
struct Kept {
    generation: i64,
    thing: Arc<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Derived({})", self.0.lock().len())
    }
}

impl Records {
    /// What `make` makes of the records, kept until `of` changes. A type is made in one way and of one
    /// generation only.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn derived<T, F, W>(&self, of: Generation, make: F) -> Result<Arc<T>, RecordsError>
    where
        T: Any + Send + Sync,
        F: FnOnce(i64) -> W + Send,
        W: Future<Output = Result<T, RecordsError>> + Send,
    {
        // Read before the content: what changes in between makes the thing older than it is, never newer.
        let generation = self.generation(of).await?;
        self.derived_at(generation, make).await
    }

    /// As [`Self::derived`], for who has just asked for the generation. `make` is told it.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn derived_at<T, F, W>(&self, generation: i64, make: F) -> Result<Arc<T>, RecordsError>
    where
        T: Any + Send + Sync,
        F: FnOnce(i64) -> W + Send,
        W: Future<Output = Result<T, RecordsError>> + Send,
    {
        let kept = self.derived.0.lock().get(&TypeId::of::<T>()).cloned();
        if let Some(kept) = kept.filter(|kept| kept.generation == generation)
            && let Ok(thing) = kept.thing.downcast::<T>()
        {
            return Ok(thing);
        }
        let made = Arc::new(make(generation).await?);
        let mut all = self.derived.0.lock();
        if all.get(&TypeId::of::<T>()).is_none_or(|kept| kept.generation < generation) {
            all.insert(TypeId::of::<T>(), Kept { generation, thing: Arc::clone(&made) as _ });
        }
        Ok(made)
    }

    /// What was made last, without a look at the database; `None` when nothing was made yet. Within a request it is
    /// as new as the request's own first look.
    pub fn last_derived<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let kept = self.derived.0.lock().get(&TypeId::of::<T>()).cloned();
        kept.and_then(|kept| kept.thing.downcast::<T>().ok())
    }
}
