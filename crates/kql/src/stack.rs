//! A stack of known size. The parser, the binder and walks over the tree recurse; their depth is limited, and
//! this makes the room for it the same whoever calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Room for 250 levels of text in each of 32 function bodies, at up to 6 KiB a level.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs `work` on a stack of its own. `None` when it panicked. The stack costs some microseconds, since untouched pages
/// of it are not mapped; a thread would cost several times that, and more on a busy machine.
pub(crate) fn with_deep_stack<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What a panic leaves half done is dropped with it.
    stacker::grow(STACK_BYTES, || catch_unwind(AssertUnwindSafe(work))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_and_a_panic_is_an_answer() {
        // eats a kilobyte a level
        fn deep(level: usize, eaten: &mut [u8; 1024]) -> usize {
            let mut more = *eaten;
            more[level % 1024] += 1;
            if level == 0 { more.iter().map(|n| usize::from(*n)).sum() } else { deep(level - 1, &mut more) }
        }
        assert_eq!(with_deep_stack(|| deep(20_000, &mut [0; 1024])), Some(20_001));
        assert_eq!(with_deep_stack(|| -> u32 { panic!("asked for") }), None);
        assert_eq!(with_deep_stack(|| 7), Some(7));
    }
}
