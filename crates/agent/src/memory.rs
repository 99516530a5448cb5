//! Giving memory back after a burst.

/// Hands freed pages back to the system, also those in the middle of the heap, which the allocator keeps by
/// itself: a storm of events would else stay in the agent's size for ever.
pub(crate) fn release() {
    #[cfg(target_env = "gnu")]
    release_heap();
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "malloc_trim has no safe wrapper")]
fn release_heap() {
    // SAFETY: malloc_trim takes the allocator's own lock and touches nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}
