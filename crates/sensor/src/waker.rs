//! A byte on a socket pair, to end another thread's wait.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// The two ends: what is written to the first makes the second readable. Neither ever blocks.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((near, far))
}

/// A full socket is as good as a byte in it, and a closed one has nobody left to wake.
pub(crate) fn wake(mut near: &UnixStream) {
    if let Err(error) = near.write(&[1]) {
        tracing::trace!(%error, "no byte was needed to wake the sensor thread");
    }
}

/// Takes the bytes out again.
pub(crate) fn clear(mut far: &UnixStream) {
    let mut bytes = [0; 256];
    while matches!(far.read(&mut bytes), Ok(count) if count == bytes.len()) {}
}
