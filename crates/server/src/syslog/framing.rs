//! Where one message ends in a stream (RFC 6587): `LEN SP MSG`, or lines, told apart by each frame's first byte.

/// Longest message that is kept whole; of a longer one the beginning is.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Longest message that a sender may announce; what is more is no length but a broken stream.
const ANNOUNCED_BYTES_MAX: usize = 16 << 20;
/// Digits of that.
const DIGITS_MAX: usize = 8;

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    /// Bytes of a cut-off message that are still to come and to be thrown away.
    skip: Skip,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skip {
    #[default]
    Nothing,
    Bytes(usize),
    ToLineEnd,
}

/// A message, and whether it was cut to its first part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub bytes: Vec<u8>,
    pub cut: bool,
}

/// A stream in which the next message cannot be found any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Framer {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole message; `None` when more has to be read first.
    ///
    /// # Errors
    /// When a length is not a number or too large.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            self.skip_held();
            if self.skip != Skip::Nothing {
                return Ok(None);
            }
            // Empty lines and the newline that some senders put behind a counted message.
            let blank = self.held.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b'\0')).count();
            self.held.drain(..blank);
            let frame = match self.held.first() {
                None => return Ok(None),
                Some(b'1'..=b'9') => self.counted()?,
                Some(_) => self.line(),
            };
            match frame {
                Some(frame) if frame.bytes.is_empty() => {}
                frame => return Ok(frame),
            }
        }
    }

    /// What is left when the stream has ended: a last line without its end.
    pub fn finish(mut self) -> Option<Frame> {
        if self.skip != Skip::Nothing {
            return None;
        }
        let is_counted = self.held.first().is_some_and(u8::is_ascii_digit);
        let cut = self.held.len() > MESSAGE_BYTES_MAX;
        self.held.truncate(MESSAGE_BYTES_MAX);
        (!self.held.is_empty() && !is_counted).then_some(Frame { bytes: self.held, cut })
    }

    fn skip_held(&mut self) {
        match self.skip {
            Skip::Nothing => {}
            Skip::Bytes(count) => {
                let now = count.min(self.held.len());
                self.held.drain(..now);
                self.skip = if now == count { Skip::Nothing } else { Skip::Bytes(count - now) };
            }
            Skip::ToLineEnd => match self.held.iter().position(|byte| *byte == b'\n') {
                Some(at) => {
                    self.held.drain(..=at);
                    self.skip = Skip::Nothing;
                }
                None => self.held.clear(),
            },
        }
    }

    fn counted(&mut self) -> Result<Option<Frame>, Malformed> {
        let digits = self.held.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > DIGITS_MAX {
            return Err(Malformed);
        }
        match self.held.get(digits) {
            None => return Ok(None),
            Some(b' ') => {}
            // A line that begins with a digit, as a year: no message has a length without a space behind it.
            Some(_) => return Ok(self.line()),
        }
        let number = std::str::from_utf8(&self.held[..digits]).ok().and_then(|text| text.parse().ok());
        let length: usize = number.filter(|length| *length <= ANNOUNCED_BYTES_MAX).ok_or(Malformed)?;
        let start = digits + 1;
        let kept = length.min(MESSAGE_BYTES_MAX);
        if self.held.len() < start + kept {
            return Ok(None);
        }
        let bytes = self.held[start..start + kept].to_vec();
        self.held.drain(..start + kept);
        if kept < length {
            self.skip = Skip::Bytes(length - kept);
        }
        Ok(Some(Frame { bytes, cut: kept < length }))
    }

    fn line(&mut self) -> Option<Frame> {
        let end = self.held.iter().position(|byte| *byte == b'\n');
        match end {
            Some(at) => {
                let mut bytes: Vec<u8> = self.held.drain(..=at).collect();
                bytes.pop();
                let cut = bytes.len() > MESSAGE_BYTES_MAX;
                bytes.truncate(MESSAGE_BYTES_MAX);
                Some(Frame { bytes, cut })
            }
            None if self.held.len() > MESSAGE_BYTES_MAX => {
                let bytes = self.held[..MESSAGE_BYTES_MAX].to_vec();
                self.held.clear();
                self.skip = Skip::ToLineEnd;
                Some(Frame { bytes, cut: true })
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of `stream`, fed in pieces of `size`.
    fn frames(stream: &[u8], size: usize) -> Result<Vec<String>, Malformed> {
        let mut framer = Framer::default();
        let mut out = Vec::new();
        for piece in stream.chunks(size) {
            framer.push(piece);
            while let Some(frame) = framer.next_frame()? {
                out.push(String::from_utf8_lossy(&frame.bytes).into_owned());
            }
        }
        out.extend(framer.finish().map(|frame| String::from_utf8_lossy(&frame.bytes).into_owned()));
        Ok(out)
    }

    #[test]
    fn both_framings_in_any_pieces() {
        let cases: [(&str, &[&str]); 6] = [
            ("<1>a\n<2>b\n", &["<1>a", "<2>b"]),
            ("4 <1>a5 <2>b\n", &["<1>a", "<2>b\n"]),
            ("<1>a\n4 <2>b\n\n<3>last", &["<1>a", "<2>b", "<3>last"]),
            ("2026-01-01 is a line\n", &["2026-01-01 is a line"]),
            ("\n\n\0<1>a\n", &["<1>a"]),
            ("9 <1>cut", &[]),
        ];
        for (stream, expected) in cases {
            for size in [1, 2, 3, 100] {
                assert_eq!(frames(stream.as_bytes(), size).unwrap(), expected, "{stream:?} by {size}");
            }
        }
    }

    #[test]
    fn long_messages_are_cut_and_the_next_is_found() {
        let long = "x".repeat(MESSAGE_BYTES_MAX * 3);
        for stream in [format!("<1>{long}\n<2>b\n"), format!("{} <1>{long}4 <2>b", long.len() + 3)] {
            for size in [1000, 1 << 20] {
                let found = frames(stream.as_bytes(), size).unwrap();
                assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [MESSAGE_BYTES_MAX, 4]);
            }
        }
    }

    #[test]
    fn a_stream_of_nonsense_lengths_is_given_up() {
        assert_eq!(frames(b"99999999 x", 4), Err(Malformed));
        assert_eq!(frames(b"999999999999999999999", 4), Err(Malformed));
    }
}
