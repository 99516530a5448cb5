//! Waiting for several file descriptors. The only system call of this crate made through `libc`, because
//! the safe wrapper's feature is not enabled for the workspace.
#![expect(unsafe_code, reason = "poll(2) takes a raw array")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Returns when one of `files` is readable, a signal arrives, or the time is over.
pub(crate) fn readable(files: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> = files
        .iter()
        .map(|file| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let count = libc::nfds_t::try_from(polled.len()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length describe `polled`, which outlives the call, and every descriptor
    // in it is borrowed for the length of the call.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), count, timeout_ms) };
    if ready >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}
