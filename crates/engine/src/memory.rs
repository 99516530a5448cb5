//! The memory of one query, and how much all queries hold together.

use std::fmt::{Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// Bytes that queries hold, as they account for it. What operators hold without saying so is not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Arc<AtomicUsize>);

impl Held {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A query's own pool, shared out fairly among its operators, whose sum is counted with that of other queries.
#[derive(Debug)]
pub(crate) struct QueryPool {
    pool: FairSpillPool,
    held: Held,
}

impl QueryPool {
    pub(crate) fn new(limit_bytes: usize, held: Held) -> Self {
        Self { pool: FairSpillPool::new(limit_bytes), held }
    }
}

impl Display for QueryPool {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        Display::fmt(&self.pool, f)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.held.0.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.held.0.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.pool.try_grow(reservation, additional)?;
        self.held.0.fetch_add(additional, Ordering::Relaxed);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_apart_and_counted_together() {
        let held = Held::default();
        let pools: Vec<Arc<dyn MemoryPool>> =
            (0..2).map(|_| Arc::new(QueryPool::new(100, held.clone())) as _).collect();
        let reservations: Vec<MemoryReservation> =
            pools.iter().map(|pool| MemoryConsumer::new("test").register(pool)).collect();
        for reservation in &reservations {
            reservation.try_grow(80).unwrap();
            assert!(reservation.try_grow(30).is_err(), "over the limit of its own pool");
        }
        assert_eq!(held.bytes(), 160);
        drop(reservations);
        assert_eq!(held.bytes(), 0);
    }
}
