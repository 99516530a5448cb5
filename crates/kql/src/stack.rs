//! A stack of known size. The parser, the binder and walks over the tree recurse; their depth is limited, and
//! this makes the room for it the same whoever calls.

/// Room for 250 levels of text in each of 32 function bodies, at up to 6 KiB a level.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs `work` on a thread of its own. `None` when it panicked or no thread could be had. Starting the thread
/// costs some 30 µs, since untouched stack pages are not mapped.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("kql-analyze".to_owned()).stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
