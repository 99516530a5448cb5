//! The head of an HTTP/1 answer: its status and its date. Anybody may be at the other end, so any bytes must do.

use bartizan_base::Ticks;

/// Longest head that is read.
pub(super) const HEAD_BYTES_MAX: usize = 16 << 10;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The words after the status; may be empty.
    pub reason: String,
    /// The server's clock.
    pub date: Option<Ticks>,
}

/// Reads the head of an answer; `None` when it is no HTTP.
pub fn parse(head: &[u8]) -> Option<Answer> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.splitn(3, ' ');
    if !first.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let status = first.next()?;
    let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    let status = if digits { status.parse().ok()? } else { return None };
    let reason = first.next().unwrap_or_default().chars().take(100).collect();
    let date = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    });
    Some(Answer { status, reason, date: date.and_then(read_date) })
}

fn read_date(text: &str) -> Option<Ticks> {
    // HTTP's dates are those of mail with `GMT` for a zone.
    let parsed = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Ticks::from_unix_millis(parsed.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_date_are_read_and_anything_else_is_refused() {
        let answer =
            parse(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n")
                .unwrap();
        assert_eq!((answer.status, answer.reason.as_str()), (200, "OK"));
        assert_eq!(answer.date.unwrap().to_string().split('.').next(), Some("1994-11-06T08:49:37Z"));
        let bare = parse(b"HTTP/1.0 407").unwrap();
        assert_eq!((bare.status, bare.date), (407, None));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ndate: tomorrow\r\n").unwrap().date, None);
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"",
            b"HTTP/2 200",
            b"HTTP/1.1 2",
            b"HTTP/1.1 +20 x",
            b"\xff\xfe",
        ] {
            assert!(parse(bytes).is_none(), "{bytes:?}");
        }
    }
}
